using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Caching.Memory;

namespace Bsp.Infrastructure.Charging;

/// <inheritdoc cref="IMessageReserves"/>
/// <remarks>
/// The sends of a moment share one transaction: their sum is reserved by one conditional update of the wallet's row, which many callers
/// would otherwise queue for. Is it too much for all, each
/// asks for itself, in their order.
/// </remarks>
public sealed class MessageReserves(Shards shards, BillingOptions options, Wallets wallets, TariffSource tariffs, IPlans plans,
    TimeProvider clock) : IMessageReserves, IBoundedMemory, IDisposable
{
    private const int BatchMax = 200;
    private const int RememberedMax = 10_000;
    private const int EntryBytes = 128;

    // Who has no wallet is asked for again after this long; whatever is sent meanwhile is charged when it is delivered.
    private static readonly TimeSpan WalletlessFor = TimeSpan.FromSeconds(2);

    private sealed record Waiting(MessageReserve Message, TaskCompletionSource Done);

    [Bounded("requests of one organization that wait; bounded by Room")]
    private sealed class Line
    {
        public Queue<Waiting> Waiting { get; } = new();

        public bool Running { get; set; }
    }

    [Bounded("10,000 organizations without a wallet, each for 2 s")]
    private readonly MemoryCache walletless = new(new MemoryCacheOptions { SizeLimit = RememberedMax, CompactionPercentage = 0.5 });

    [Bounded("one an organization that sends at this moment, with the requests that wait; those are bounded by Room")]
    private readonly Dictionary<Guid, Line> lines = [];

    public string Name => "message_reserves";

    public long BytesMax => (long)RememberedMax * EntryBytes;

    public long BytesNow => (long)walletless.Count * EntryBytes;

    public void Dispose() => walletless.Dispose();

    public Task ReserveAsync(MessageReserve message, CancellationToken ct)
    {
        if (options.Mode == BillingMode.Off || walletless.TryGetValue(message.OrganizationId, out _))
        {
            return Task.CompletedTask;
        }

        var waiting = new Waiting(message, new(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (lines)
        {
            var line = lines.TryGetValue(message.OrganizationId, out var known) ? known : lines[message.OrganizationId] = new();
            line.Waiting.Enqueue(waiting);
            if (!line.Running)
            {
                line.Running = true;
                _ = Task.Run(() => RunAsync(message.OrganizationId, line), CancellationToken.None);
            }
        }

        return waiting.Done.Task.WaitAsync(ct);
    }

    // Carries out what waits, batch by batch, until nothing does; every caller gets an answer or an error.
    private async Task RunAsync(Guid organizationId, Line line)
    {
        while (true)
        {
            List<Waiting> batch = [];
            lock (lines)
            {
                while (batch.Count < BatchMax && line.Waiting.TryDequeue(out var next))
                {
                    batch.Add(next);
                }

                if (batch.Count == 0)
                {
                    line.Running = false;
                    lines.Remove(organizationId);
                    return;
                }
            }

            await AnswerAsync(organizationId, batch);
        }
    }

    private async Task AnswerAsync(Guid organizationId, List<Waiting> batch)
    {
        try
        {
            if (batch.Count > 1 && !await ReserveAsync(organizationId, batch.ConvertAll(w => w.Message), alone: false))
            {
                foreach (var one in batch)
                {
                    await AnswerAsync(organizationId, [one]);
                }

                return;
            }

            if (batch.Count == 1)
            {
                await ReserveAsync(organizationId, [batch[0].Message], alone: true);
            }

            batch.ForEach(w => w.Done.TrySetResult());
        }
        catch (Exception failed)
        {
            batch.ForEach(w => w.Done.TrySetException(failed)); // it is their callers' to say
        }
    }

    // False: it is not enough for all of them, and nothing is reserved.
    private async Task<bool> ReserveAsync(Guid organizationId, List<MessageReserve> messages, bool alone)
    {
        var shard = await shards.OfAsync(organizationId, CancellationToken.None);
        await using var tx = await shard.BeginAsync(organizationId, CancellationToken.None);
        if ((await wallets.OfAsync(tx, [organizationId], CancellationToken.None)).GetValueOrDefault(organizationId) is not { } wallet)
        {
            walletless.Set(organizationId, true, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = WalletlessFor });
            return true;
        }

        var amounts = await AmountsAsync(tx, organizationId, wallet.Currency, messages, alone, CancellationToken.None);
        if (amounts is null)
        {
            return false;
        }

        var (paid, sum) = (messages.Zip(amounts).Where(m => m.Second > 0).ToList(), amounts.Sum());
        if (paid.Count == 0)
        {
            return wallet.Exists || (alone ? throw WalletInsufficient.None("The message", wallet.Currency) : false);
        }

        if (!await DirectReserves.TakeAsync(tx, organizationId, wallet.Currency, paid.ConvertAll(p => (p.First.MessageId, p.Second)),
            CancellationToken.None))
        {
            if (alone)
            {
                var available = await DirectReserves.AvailableAsync(tx, organizationId, wallet.Currency, CancellationToken.None);
                throw WalletInsufficient.Of("The message", sum, available, Math.Max(0, sum - available), wallet.Currency);
            }

            return false;
        }

        await tx.CommitUnmarkedAsync(CancellationToken.None);
        return true;
    }

    // By the rules for what has no evidence yet. Null: one has no price and everybody is charged; it is told so alone.
    private async Task<List<decimal>?> AmountsAsync(TenantTransaction tx, Guid organizationId, string currency,
        List<MessageReserve> messages, bool alone, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var tariff = await tariffs.CurrentAsync(ct);
        var plan = (await plans.AtAsync(tx, organizationId, currency, [now], ct)).GetValueOrDefault(now) ?? PlanTerms.None;
        var counters =
            await Counters.ReadAsync(tx, organizationId,
                [.. new[] { now.UtcDateTime.ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture),
                    plan.Period }.Where(p => p.Length > 0)], ct);
        var amounts = new List<decimal>(messages.Count);
        foreach (var message in messages)
        {
            var rated = Rating.Of(new(message.AccountId, message.Recipient, now, message.SentAs, null, null), tariff, currency, plan,
                counters.Of);
            if (rated.Outcome == RatingOutcome.Pending && options.Mode == BillingMode.Required)
            {
                return alone
                    ? throw new Refusal("rate_card.missing",
                        $"No rate card has a price for {rated.Market ?? "this recipient"}, {rated.Category} ({rated.Reason}): nothing is sent that nobody could charge.") : null;
            }

            counters.Count(rated.Counted);
            amounts.Add(rated.Amount);
        }

        return amounts;
    }
}
