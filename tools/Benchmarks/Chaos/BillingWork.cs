using System.Collections.Concurrent;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>An organization whose wallet others charge meanwhile.</summary>
/// <param name="Included">Messages of its plan, a period.</param>
/// <param name="IsPoor">Its wallet pays two periods and no more.</param>
internal sealed record BilledOrganization(Guid Id, Guid Subscription, Guid Plan, int Included, bool IsPoor);

/// <summary>
/// What happens to organizations while their billers are killed, and what must come of it: deliveries to Brazil by the demo card (marketing
/// 0.072, utility 0.007514), words of Meta's that change a price, the same word twice, campaigns with a hold, top-ups told twice.
/// </summary>
internal sealed class BillingWork(BillingProcess own, IReadOnlyList<BilledOrganization> organizations, int seed)
{
    public const decimal Marketing = 0.072m;
    public const decimal Utility = 0.007514m;
    private static readonly TimeSpan AfterTrouble = TimeSpan.FromMilliseconds(30);
    private static readonly Guid Account = Guid.Parse("0198c0de-0000-7000-8000-0000000000a1");

    /// <summary>What each delivered message costs by Meta's last word.</summary>
    public ConcurrentDictionary<Guid, (Guid Organization, decimal Price)> Delivered { get; } = new();

    /// <summary>What was acknowledged to have come in.</summary>
    public ConcurrentDictionary<string, (Guid Organization, decimal Amount)> TopUps { get; } = new();

    public int Campaigns { get; private set; }

    public int Corrections { get; private set; }

    /// <param name="enough">Nothing further is begun; what was begun is brought to its end.</param>
    public Task RunAsync(CancellationToken enough, CancellationToken ct) => Task.WhenAll(
        EverAsync(0, 50, DeliverAsync, enough, ct), EverAsync(1, 90, TopUpAsync, enough, ct), EverAsync(2, 200, CampaignAsync, enough, ct));

    private Task EverAsync(int number, int pause, Func<Random, CancellationToken, Task> work, CancellationToken enough,
        CancellationToken ct) => Task.Run(async () =>
    {
        var random = new Random((seed * 31) + number);
        while (!enough.IsCancellationRequested)
        {
            await work(random, ct);
            await Task.Delay(random.Next(pause), ct);
        }
    }, ct);

    // Some messages, then of some of them another word, and of some the same word again.
    private async Task DeliverAsync(Random random, CancellationToken ct)
    {
        var organization = organizations[random.Next(organizations.Count)].Id;
        var messages = Enumerable.Range(0, random.Next(1, 12)).Select(_ => new Told(Uuid.New(), null, random.Next(2) == 0)).ToList();
        await DeliverAsync(organization, messages, ct);
        var again = messages.Where(_ => random.Next(4) == 0).ToList();
        await AppendAsync(organization, [.. again.Select(m => (m.Id, (object)new MessageStatusNoted(m.Ref, "delivered",
            Word("delivered", m.IsMarketing), Now)))], ct);
        var changed = messages.Where(_ => random.Next(5) == 0).ToList();
        var later = Now.AddSeconds(1);
        await AppendAsync(organization, [.. changed.Select(m => (m.Id, (object)new MessageRead(m.Ref, later, Word("read", !m.IsMarketing),
            later)))], ct);
        foreach (var message in changed)
        {
            Delivered[message.Id] = (organization, message.IsMarketing ? Utility : Marketing);
            Corrections++;
        }
    }

    // The same payment is told until it is known to be there, and then once more.
    private async Task TopUpAsync(Random random, CancellationToken ct)
    {
        var rich = organizations.Where(o => !o.IsPoor).ToList();
        var (organization, amount) = (rich[random.Next(rich.Count)].Id, random.Next(1, 3_000_000) * 0.000001m);
        var reference = $"pay_{Uuid.New():N}";
        var credit = new Credit(amount, EntryCategories.Topup, new(Uuid.Of($"topup/{reference}"), "topup"), reference);
        for (var told = 0; told < 2; told++)
        {
            await UntilKnownAsync(organization, tx => own.Ledger.PostAsync(tx, own.Shard, organization, "USD", [credit], ct), ct);
        }

        TopUps[reference] = (organization, amount);
    }

    // As a launch does it: hold and row together, then the audience, then what becomes of each member.
    private async Task CampaignAsync(Random random, CancellationToken ct)
    {
        var rich = organizations.Where(o => !o.IsPoor).ToList();
        var (organization, campaign, members) = (rich[random.Next(rich.Count)].Id, Uuid.New(), random.Next(2, 25));
        var hold = new PlaceHold(CampaignHolds.Reference(campaign), members * Marketing, Now.AddDays(90));
        await UntilKnownAsync(organization, async tx =>
        {
            if ((await own.Ledger.PostAsync(tx, own.Shard, organization, "USD", [hold], ct))[0] is Posted)
            {
                await tx.ExecuteAsync("""
                    INSERT INTO bsp.campaign_holds (campaign_id, organization_id, currency, placed, unit_max, included)
                    VALUES ($1, $2, 'USD', $3, $4, 0)
                    """, ct, campaign, organization, hold.Amount, Marketing);
            }
        }, ct);
        await AppendAsync(organization, [(campaign, new CampaignAudienceFrozen(campaign, members, Now))], ct, "campaign");
        var all = Enumerable.Range(0, members).Select(_ => new Told(Uuid.New(), campaign, random.Next(2) == 0)).ToList();
        var reached = all.Where(_ => random.Next(5) > 0).ToList();
        await DeliverAsync(organization, reached, ct);
        await AppendAsync(organization, [.. all.Except(reached).Select(m => (m.Id, (object)new MessageFailed(m.Ref, 131026, "gone", null,
            null, Now)))], ct);
        Campaigns++;
    }

    private DateTimeOffset Now => LedgerTime.Cut(own.Clock.GetUtcNow());

    private async Task DeliverAsync(Guid organization, List<Told> messages, CancellationToken ct)
    {
        await AppendAsync(organization, [.. messages.Select(m => (m.Id, (object)new MessageDelivered(m.Ref, false, Now, null,
            Word("delivered", m.IsMarketing), Now)))], ct);
        foreach (var message in messages)
        {
            Delivered[message.Id] = (organization, message.IsMarketing ? Marketing : Utility);
        }
    }

    // Each fact once: a stream that has it already takes it no second time.
    private async Task AppendAsync(Guid organization, List<(Guid Stream, object Fact)> facts, CancellationToken ct, string type = "message")
    {
        foreach (var (stream, fact) in facts)
        {
            for (var written = false; !written;)
            {
                try
                {
                    var there = await own.Store.LoadAsync(organization, stream, ct);
                    written = there.Events.Any(e => e.Body!.GetType() == fact.GetType())
                        || (await own.Store.AppendAsync(organization, [new(stream, type, there.Version, [fact])], ct)).Verdict
                            == AppendVerdict.Ok;
                }
                catch (Exception away)
                when (away is StoreUnavailable or NpgsqlException)
                {
                    await Task.Delay(AfterTrouble, ct);
                }
            }
        }
    }

    // Until its COMMIT was answered: whether an earlier one was committed decides the next attempt, by the ledger's keys.
    private async Task UntilKnownAsync(Guid organization, Func<TenantTransaction, Task> work, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await using var tx = await own.Shard.BeginAsync(organization, ct);
                await work(tx);
                await tx.CommitAsync(ct);
                return;
            }
            catch (Exception away)
                when (away is StoreUnavailable or NpgsqlException or VersionConflict || away.InnerException is NpgsqlException)
            {
                await Task.Delay(AfterTrouble, ct);
            }
        }
    }

    private static Evidence Word(string status, bool marketing) => new(1, new('0', 64), JsonElement.Parse($$"""
        {"id":"wamid.1","status":"{{status}}","timestamp":"1790000000",
         "pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"{{(marketing ? "marketing" : "utility")}}"}
        }
        """), "app", "5511");

    private sealed record Told(Guid Id, Guid? Campaign, bool IsMarketing)
    {
        public MessageRef Ref { get; } = new(Id, Account, Uuid.Of($"contact/{Id}"), Uuid.Of($"conversation/{Id}"), Campaign, "template",
            "outbound");
    }
}
