namespace Bsp.Infrastructure.Messages;

/// <summary>One number's line of jobs, as this process sees it.</summary>
internal sealed class SendLine(Guid organizationId, Guid accountId)
{
    public Guid OrganizationId => organizationId;

    public Guid AccountId => accountId;

    /// <summary>Nothing was found in it: it is passed over until somebody says that there is something.</summary>
    public bool Idle { get; set; }

    /// <summary>Not before then (a timestamp): the number's permits are used up, or it may not send.</summary>
    public long NotBefore { get; set; }

    /// <summary>Timestamp of the last job taken, or of the first look.</summary>
    public long UsedAt { get; set; }

    /// <summary>What the list of lines said of it when it was last looked at there.</summary>
    public double Seen { get; set; }

    internal bool IsReady(long now) => !Idle && NotBefore <= now;
}

/// <summary>
/// Whose turn it is: organizations one after the other, and within each its numbers. Whoever has many numbers, campaigns or messages has
/// one turn as everybody else.
/// </summary>
internal sealed class SendTurns
{
    [Application.Common.Bounded("lines that have work, or had some within the last minutes; SendQueues.LinesMax")]
    private readonly List<Own> organizations = [];

    [Application.Common.Bounded("the same")]
    private readonly Dictionary<Guid, Own> byId = [];
    private int next;

    private sealed class Own(Guid id)
    {
        public Guid Id => id;

        [Application.Common.Bounded("numbers of one organization")]
        private readonly List<SendLine> lines = [];

        public List<SendLine> Lines => lines;

        [Application.Common.Bounded("the same")]
        private readonly Dictionary<Guid, SendLine> byAccount = [];

        public Dictionary<Guid, SendLine> ByAccount => byAccount;

        public int Next { get; set; }
    }

    public int Count { get; private set; }

    public IEnumerable<SendLine> All => organizations.SelectMany(o => o.Lines);

    /// <summary>The line, made where there is none.</summary>
    public SendLine Of(Guid organizationId, Guid accountId)
    {
        if (!byId.TryGetValue(organizationId, out var own))
        {
            byId[organizationId] = own = new(organizationId);
            organizations.Add(own);
        }

        if (!own.ByAccount.TryGetValue(accountId, out var line))
        {
            own.ByAccount[accountId] = line = new(organizationId, accountId);
            own.Lines.Add(line);
            Count++;
        }

        return line;
    }

    public void Remove(SendLine line)
    {
        if (!byId.TryGetValue(line.OrganizationId, out var own) || !own.ByAccount.Remove(line.AccountId))
        {
            return;
        }

        own.Lines.Remove(line);
        Count--;
        if (own.Lines.Count == 0)
        {
            byId.Remove(own.Id);
            organizations.Remove(own);
        }
    }

    /// <summary>The next line that is ready and may be taken from; null: none.</summary>
    /// <param name="mayTake">By organization: whether it has not as many jobs in hand as one may.</param>
    public SendLine? Next(long now, Func<Guid, bool> mayTake)
    {
        for (var i = 0; i < organizations.Count; i++)
        {
            var own = organizations[(next + i) % organizations.Count];
            if (!own.Lines.Exists(l => l.IsReady(now)) || !mayTake(own.Id))
            {
                continue;
            }

            next = (next + i + 1) % organizations.Count;
            for (var j = 0; j < own.Lines.Count; j++)
            {
                var line = own.Lines[(own.Next + j) % own.Lines.Count];
                if (line.IsReady(now))
                {
                    own.Next = (own.Next + j + 1) % own.Lines.Count;
                    return line;
                }
            }
        }

        return null;
    }

    /// <summary>When the next line that has work is ready; null: none has any.</summary>
    public long? ReadyAt => All.Where(l => !l.Idle).Select(l => (long?)l.NotBefore).Min();
}
