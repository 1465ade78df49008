using System.Globalization;
using System.Text.RegularExpressions;
using Bsp.Domain.Common;

namespace Bsp.Domain.Ledger;

/// <summary>
/// The decision: a wallet's head, the rows its postings speak of, and the time go in; entries, a new head and changed rows come out. No
/// input or output, no clock. Commands never overdraw,
/// evidence may; recorded time never goes back; the first entry of a month closes the month before.
/// </summary>
/// <param name="now">A clock that is behind is not believed: the last entry's time stands then.</param>
/// <param name="newId">The id of an entry of that time and place; null: a UUIDv7.</param>
/// <param name="reserved">So much less is available to commands, without an entry: for single sends that are on their way.</param>
public sealed partial class LedgerPage(LedgerHead head, IEnumerable<LedgerHold> knownHolds, IEnumerable<LedgerCharge> knownCharges,
    DateTimeOffset now, Func<DateTimeOffset, long, Guid>? newId = null, decimal reserved = 0m)
{
    /// <summary>Months that one page closes, at most: a wallet idle for longer, or a clock that far ahead, is not believed.</summary>
    public const int MonthsMax = 1_200;

    private const int PairsMax = 32;
    private const int ValueMax = 512;
    private const int ReferenceMax = 255;
    private const int DescriptionMax = 1_000;

    private readonly Dictionary<string, LedgerHold> holds = knownHolds.ToDictionary(hold => hold.Reference);
    private readonly Dictionary<ChargeKey, LedgerCharge> charges = knownCharges.ToDictionary(charge => charge.Key);
    private readonly List<LedgerEntry> entries = [];
    private readonly List<MerkleNodeOf> nodes = [];
    private readonly Dictionary<string, LedgerHold> changedHolds = [];
    private readonly Dictionary<ChargeKey, LedgerCharge> changedCharges = [];
    private readonly Dictionary<ChargeKey, NewCharge> newCharges = [];

    /// <summary>The wallet after what was posted so far.</summary>
    public LedgerHead Head { get; private set; } = head;

    /// <summary>Entries to be appended, in their order; they may belong to several months.</summary>
    public IReadOnlyList<LedgerEntry> Entries => entries;

    /// <summary>Subtrees finished by these entries, of <see cref="StoredLevelsFrom"/> and more.</summary>
    public IReadOnlyList<MerkleNodeOf> Nodes => nodes;

    /// <summary>Holds that are other than they were.</summary>
    public IReadOnlyCollection<LedgerHold> Holds => changedHolds.Values;

    /// <summary>Charges of before that were given back in part or whole.</summary>
    public IReadOnlyCollection<LedgerCharge> Charges => changedCharges.Values;

    /// <summary>Keys that are taken now.</summary>
    public IReadOnlyCollection<NewCharge> NewCharges => newCharges.Values;

    /// <summary>
    /// Subtrees of 2^8 leaves are worth a row: a proof then reads 256 entries at most, and one row for 256 entries is written.
    /// </summary>
    public const int StoredLevelsFrom = 8;

    /// <summary>A finished subtree of a month.</summary>
    public sealed record MerkleNodeOf(string Month, MerkleNode Node);

    /// <summary>A key that is taken, with its entry.</summary>
    /// <param name="Of">What is given back; null unless it is a refund.</param>
    public sealed record NewCharge(LedgerCharge Charge, LedgerEntry Entry, ChargeKey? Of, string? Evidence);

    /// <summary>Takes one posting, or says why not. One that is refused changes nothing.</summary>
    /// <exception cref="ArgumentException">It is not well formed (amount, category, texts): who made it must be mended.</exception>
    public PostingOutcome Post(Posting posting) => posting switch
    {
        Transfer transfer => Post(transfer),
        PlaceHold place => Place(place),
        SettleHold settle => End(settle.Reference, EntryTypes.HoldSettled, "settled"),
        ReleaseHold release => Release(release),
        ExpireHold expire => Expire(expire.Reference),
        _ => throw new ArgumentException($"A wallet does not know {posting.GetType().Name}.", nameof(posting)),
    };

    /// <summary>Closes the months that are over and opens the one that <c>now</c> is in; a wallet without entries stays without.</summary>
    public void EnterMonth()
    {
        if (Head.Size > 0)
        {
            Enter(At());
        }
    }

    private decimal Available => Head.Available - reserved;

    private PostingOutcome Post(Transfer transfer)
    {
        Require(transfer);
        if (charges.TryGetValue(transfer.Key, out var known) && known.State != "pending")
        {
            return new Repeated(known.EntryId);
        }

        return transfer switch
        {
            Credit credit => Take(credit, EntryTypes.Credit, credit.Category, Exact(credit.Amount), 0m, null, null),
            Debit debit => Take(debit),
            RefundOf refund => Take(refund),
            _ => throw new ArgumentException($"A wallet does not know {transfer.GetType().Name}.", nameof(transfer)),
        };
    }

    private PostingOutcome Take(Debit debit)
    {
        var amount = Exact(debit.Amount);
        var hold = debit.FromHold is { } reference && holds.TryGetValue(reference, out var found) && found.IsOpen
            && found.Currency == Head.Currency ? found : null;
        var held = hold is null ? 0m : Math.Min(amount, hold.Left);
        if (!debit.MayOverdraw && amount - held > Available)
        {
            return new Insufficient(Money.Round(amount - held - Available));
        }

        return Take(debit, EntryTypes.Debit, debit.Category, amount, held, held > 0 ? hold : null, debit.Evidence);
    }

    private PostingOutcome Take(RefundOf refund)
    {
        if (!charges.TryGetValue(refund.Of, out var of) || of.EntryId is null || of.Currency != Head.Currency
            || of.Type == EntryTypes.Refund)
        {
            return new Refused("charge.unknown", "There is nothing of this reference in this wallet that could be given back.");
        }

        var amount = refund.Amount is { } asked ? Exact(asked) : of.Left;
        if (amount > of.Left || amount == 0)
        {
            return new Refused("refund.exceeds", $"Of it {Money.Text(of.Left)} {of.Currency} is left to give back.", of.Left);
        }

        var leaves = of.Type == EntryTypes.Credit;
        if (leaves && !refund.MayOverdraw && amount > Available)
        {
            return new Insufficient(Money.Round(amount - Available));
        }

        var outcome = Take(refund, EntryTypes.Refund, leaves ? EntryCategories.Refund : of.Category!, amount, 0m, null, null, refund.Of);
        if (outcome is Posted)
        {
            Change(of with { Refunded = Money.Round(of.Refunded + amount) });
        }

        return outcome;
    }

    private PostingOutcome Take(Transfer transfer, string type, string category, decimal amount, decimal held, LedgerHold? hold,
        string? evidence, ChargeKey? of = null)
    {
        if (!EntryCategories.All.Contains(category))
        {
            throw new ArgumentException($"{category} is no category of a transaction.", nameof(transfer));
        }

        var draft = Draft(type, amount, category, transfer.ReferenceId, transfer.Description, Metadata(transfer, hold));
        var balance = Head.Balance + draft.Change;
        if (!Money.IsExact(balance))
        {
            return new Refused("wallet.limit", "A wallet holds less than 1,000,000,000,000 either way.");
        }

        var entry = Append(draft, balance, Head.Held - held);
        if (hold is not null)
        {
            Change(hold with { Left = Money.Round(hold.Left - held) });
        }

        var charge = new LedgerCharge(transfer.Key, Head.Currency, "posted", type, category, entry.Amount, 0.000000m, entry.Id);
        charges[transfer.Key] = charge;
        newCharges[transfer.Key] = new(charge, entry, of, evidence);
        return new Posted(entry);
    }

    private PostingOutcome Place(PlaceHold place)
    {
        var amount = Exact(place.Amount);
        RequireText(place.Reference, ReferenceMax, "reference");
        if (holds.ContainsKey(place.Reference))
        {
            return new Repeated(null);
        }

        if (amount > Available)
        {
            return new Insufficient(Money.Round(amount - Available));
        }

        var metadata = new Dictionary<string,
            string>(place.Metadata ?? LedgerEntry.NoMetadata) { ["expires_at"] = LedgerTime.Text(place.ExpiresAt) };
        RequirePairs(metadata);
        var entry = Append(Draft(EntryTypes.HoldPlaced, amount, place.Category, place.Reference, null, metadata), Head.Balance, Head.Held
            + amount);
        Change(new LedgerHold(place.Reference, Head.Currency, place.Category, amount, amount, LedgerTime.Cut(place.ExpiresAt), "open"));
        return new Posted(entry);
    }

    private PostingOutcome Release(ReleaseHold release)
    {
        if (release.Amount is not { } asked || !holds.TryGetValue(release.Reference, out var hold) || !hold.IsOpen
            || Exact(asked) >= hold.Left)
        {
            return End(release.Reference, EntryTypes.HoldReleased, "released");
        }

        return Return(hold, EntryTypes.HoldReleased, Exact(asked), "open");
    }

    private PostingOutcome Expire(string reference) => holds.TryGetValue(reference, out var hold) && hold.IsOpen && hold.ExpiresAt > now
        ? new Refused("hold.not_due", $"The hold stands until {LedgerTime.Text(hold.ExpiresAt)}.")
        : End(reference, EntryTypes.HoldExpired, "expired");

    private PostingOutcome End(string reference, string type, string state)
    {
        if (!holds.TryGetValue(reference, out var hold) || hold.Currency != Head.Currency)
        {
            return new Refused("hold.unknown", "There is no such hold in this wallet.");
        }

        return hold.IsOpen ? Return(hold, type, hold.Left, state) : new Repeated(null);
    }

    private Posted Return(LedgerHold hold, string type, decimal amount, string state)
    {
        var entry = Append(Draft(type, amount, hold.Category, hold.Reference, null, LedgerEntry.NoMetadata), Head.Balance,
            Head.Held - amount);
        Change(hold with { Left = Money.Round(hold.Left - amount), State = state });
        return new(entry);
    }

    private void Change(LedgerHold hold) => holds[hold.Reference] = changedHolds[hold.Reference] = hold;

    private void Change(LedgerCharge charge)
    {
        charges[charge.Key] = charge;
        if (newCharges.TryGetValue(charge.Key, out var fresh))
        {
            newCharges[charge.Key] = fresh with { Charge = charge };
        }
        else
        {
            changedCharges[charge.Key] = charge;
        }
    }

    private DateTimeOffset At() => LedgerTime.Cut(now) is var cut && cut > Head.LastAt ? cut : Head.LastAt;

    private LedgerEntry Draft(string type, decimal amount, string? category, string? reference, string? description,
        IReadOnlyDictionary<string, string> metadata)
    {
        Enter(At());
        return new(Head.OrganizationId, Head.Currency, Head.Month, 0, Guid.Empty, type, Money.Round(amount), 0m, 0m, category, reference,
            description, At(), metadata, Head.Hash, "");
    }

    private LedgerEntry Append(LedgerEntry draft, decimal balance, decimal held)
    {
        var sequence = draft.Type == EntryTypes.Opening ? 1 : Head.Size + 1;
        var entry = (draft with
        {
            Sequence = sequence,
            Id = newId?.Invoke(draft.CreatedAt, sequence) ?? Uuid.New(draft.CreatedAt, sequence),
            BalanceAfter = Money.Round(balance),
            HeldAfter = Money.Round(held),
            PreviousHash = Head.Hash,
        }).Hashed();
        entries.Add(entry);
        Head = Head.After(entry, Finished);
        return entry;

        void Finished(MerkleNode node)
        {
            if (node.Level >= StoredLevelsFrom)
            {
                nodes.Add(new(entry.Month, node));
            }
        }
    }

    private void Enter(DateTimeOffset at)
    {
        var month = LedgerTime.Month(at);
        if (Head.Size == 0)
        {
            Open(month);
        }

        for (var closed = 0; string.CompareOrdinal(Head.Month, month) < 0; closed++)
        {
            if (closed == MonthsMax)
            {
                throw new InvalidOperationException(
                    $"The wallet's last month is {Head.Month}, the clock says {month}: more than {MonthsMax} months are not closed at once.");
            }

            var next = LedgerTime.Next(Head.Month);
            Close(LedgerTime.Start(next));
            Open(next);
        }
    }

    private void Open(string month) => Append(
        new(Head.OrganizationId, Head.Currency, month, 1, Guid.Empty, EntryTypes.Opening, 0.000000m, 0m, 0m, null, null, null,
            LedgerTime.Start(month), LedgerEntry.NoMetadata, "", ""),
        Head.Balance, Head.Held);

    private void Close(DateTimeOffset end)
    {
        var metadata = new Dictionary<string, string>
        {
            ["entries"] = Head.Size.ToString(CultureInfo.InvariantCulture),
            ["root"] = Convert.ToHexStringLower(Head.Tree.Root),
        };
        Append(new(Head.OrganizationId, Head.Currency, Head.Month, 0, Guid.Empty, EntryTypes.Closing, 0.000000m, 0m, 0m, null, null, null,
            end, metadata, "", ""), Head.Balance, Head.Held);
    }

    private static decimal Exact(decimal amount) => amount > 0 && Money.IsExact(amount) ? Money.Round(amount)
        : throw new ArgumentOutOfRangeException(nameof(amount), amount,
            "An amount is more than zero, has at most six places and less than thirteen digits before the point.");

    private static IReadOnlyDictionary<string, string> Metadata(Transfer transfer, LedgerHold? hold)
    {
        if (hold is null && transfer.EffectiveAt is null)
        {
            return transfer.Metadata ?? LedgerEntry.NoMetadata;
        }

        var metadata = new Dictionary<string, string>(transfer.Metadata ?? LedgerEntry.NoMetadata);
        if (transfer.EffectiveAt is { } effective)
        {
            metadata["effective_at"] = LedgerTime.Text(effective);
        }

        if (hold is not null)
        {
            metadata["hold"] = hold.Reference;
        }

        return metadata;
    }

    private static void Require(Transfer transfer)
    {
        RequireText(transfer.ReferenceId, ReferenceMax, "reference");
        if (transfer.Description is { } description && (description.Length > DescriptionMax || !Text.IsStorable(description)))
        {
            throw new ArgumentException($"A description has at most {DescriptionMax} characters.", nameof(transfer));
        }

        if (transfer.Metadata is { } metadata)
        {
            RequirePairs(metadata);
        }
    }

    private static void RequireText(string text, int most, string what)
    {
        if (text.Length == 0 || text.Length > most || !Text.IsStorable(text))
        {
            throw new ArgumentException($"A {what} has 1 to {most} characters.", what);
        }
    }

    private static void RequirePairs(IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count > PairsMax || metadata.Any(pair =>
            !Key().IsMatch(pair.Key) || pair.Value.Length > ValueMax || !Text.IsStorable(pair.Value)))
        {
            throw new ArgumentException(
                $"Metadata has at most {PairsMax} pairs, keys of a-z, 0-9, _ (at most 64), values of {ValueMax} characters.",
                nameof(metadata));
        }
    }

    [GeneratedRegex(@"\A[a-z0-9_]{1,64}\z")]
    private static partial Regex Key();
}
