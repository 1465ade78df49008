using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Benchmarks.Chaos;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;
using Bsp.IntegrationTests.Ledger;
using FsCheck;
using FsCheck.Fluent;

namespace Bsp.IntegrationTests.Charging;

/// <summary>
/// Random days of a wallet on real tables, against a model of a dozen lines: two processes charge, one after the other and at once, and die
/// between any two steps. A failure shows the seed and the smallest case.
/// </summary>
public sealed class ChargingModelTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    public enum Kind
    {
        TopUp, Spend, Launch, Deliver, Fail, DeliverAfterAll, Reprice, Repeat, Charge, Crash, ChargeAtOnce, NextDay, NextMonth,
    }

    public sealed record Step(Kind Kind, int Which, int Millionths, bool Marketing)
    {
        public static Gen<Step> Any { get; } =
            from kind in Gen.Frequency((4, Gen.Elements(Kind.Deliver, Kind.Charge)), (3, Gen.Elements(Enum.GetValues<Kind>())))
            from which in Gen.Choose(0, 1_000)
            from millionths in Gen.Choose(1, 400_000)
            from marketing in Gen.Elements(true, false)
            select new Step(kind, which, millionths, marketing);
    }

    [Fact]
    public void Whatever_happens_in_whatever_order_each_delivered_message_is_charged_once_by_the_card_and_no_command_overdraws() =>
        Prop.ForAll(Gen.ListOf(Step.Any, 45).Select(steps => steps.ToArray()).ToArbitrary(), Holds)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(10));

    private bool Holds(Step[] steps) => LiveAsync(steps).GetAwaiter().GetResult();

    private async Task<bool> LiveAsync(Step[] steps)
    {
        var clock = new Dying(LedgerTime.Cut(DateTimeOffset.UtcNow).AddMinutes(1)); // a wallet's messages are those recorded after it
        await using var one = new BillingProcess(database.Shards, clock);
        await using var two = new BillingProcess(database.Shards, clock);
        var life = new Life(database, [one, two], clock, await database.NewOrganizationAsync());
        await life.BeginAsync();
        foreach (var step in steps)
        {
            await life.TakeAsync(step);
        }

        await life.EndAsync();
        return true;
    }

    private sealed record Sent(MessageRef Ref, bool Marketing)
    {
        public bool Delivered { get; init; }

        public bool Failed { get; init; }
    }

    private sealed class Life(LogDatabase database, BillingProcess[] processes, Dying clock, Guid organization)
    {
        private static readonly decimal[] Prices = [BillingWork.Utility, BillingWork.Marketing];
        private readonly Dictionary<Guid, Sent> sent = [];
        private decimal moved;
        private int number;

        public Task BeginAsync() => PostAsync(new Credit(0.5m, EntryCategories.Topup, new(Uuid.Of($"topup/first {organization}"), "topup"),
            $"first {organization}"), 0.5m);

        public Task TakeAsync(Step step) => step.Kind switch
        {
            Kind.TopUp => TopUpAsync(step.Millionths * 0.000001m),
            Kind.Spend => SpendAsync(step.Millionths * 0.000001m),
            Kind.Launch => LaunchAsync(1 + (step.Which % 6), step.Marketing),
            Kind.Deliver => DeliverAsync(Any(step, s => s is { Delivered: false, Failed: false }) ?? New(null, step.Marketing)),
            Kind.Fail => FailAsync(Any(step, s => s is { Delivered: false, Failed: false }) ?? New(null, step.Marketing)),
            Kind.DeliverAfterAll => Any(step, s => s is { Failed: true, Delivered: false }) is { } late ? DeliverAsync(late)
                : Task.CompletedTask,
            Kind.Reprice => Any(step, s => s.Delivered) is { } of
                ? SayAsync(of with { Marketing = step.Marketing }, "read") : Task.CompletedTask,
            Kind.Repeat => Any(step, s => s.Delivered) is { } again ? SayAsync(again, "delivered") : Task.CompletedTask,
            Kind.Charge => ChargeAsync(processes[step.Which % 2], 1 + (step.Which % 40)),
            Kind.Crash => CrashAsync(processes[step.Which % 2], 1 + (step.Which % 25)),
            Kind.ChargeAtOnce => Task.WhenAll(processes.Select(process => ChargeAsync(process, 1 + (step.Which % 40)))),
            Kind.NextDay => JumpAsync(TimeSpan.FromDays(1)),
            _ => JumpAsync(TimeSpan.FromDays(31)),
        };

        // Everybody ends, everything is charged: then the books are held against the model, and against themselves.
        public async Task EndAsync()
        {
            foreach (var open in sent.Values.Where(s => s is { Delivered: false, Failed: false }).ToList())
            {
                await FailAsync(open);
            }

            await ChargeAllAsync();
            var expected = sent.Values.Where(s => s.Delivered).ToDictionary(s => s.Ref.MessageId.ToString(),
                s => Prices[s.Marketing ? 1 : 0]);
            (await database.AdminQueryAsync("""
                SELECT t.metadata ->> 'message_id', sum(CASE t.type WHEN 'debit' THEN t.amount ELSE -t.amount END) FROM transactions t
                 WHERE t.organization_id = $1 AND t.category = 'message' GROUP BY 1
                """, r => (Id: r.GetString(0), Net: r.GetDecimal(1)), organization)).ToDictionary(r => r.Id, r => r.Net)
                .ShouldBe(expected, ignoreOrder: true);
            (await database.ScalarAsync<long>("""
                SELECT count(*) FROM (SELECT FROM bsp.charges c WHERE c.organization_id = $1 AND c.type = 'debit' AND c.category = 'message'
                   AND c.amount > c.refunded GROUP BY c.reference HAVING count(*) > 1) d
                """, organization)).ShouldBe(0, "one standing debit a message");
            var head = await new WalletSeen(database, organization).AgreesAsync();
            (head.Balance, head.Held).ShouldBe((moved - expected.Values.Sum(), 0m));
            var report = await new LedgerAudit(database.Shard, organization, null, null, workers: 1, clock).RunAsync(null, default);
            report.FirstFault.ShouldBeNull(report.FirstFault?.Detail);
            report.Checks.ShouldAllBe(check => check.Result == "passed" || check.Result == "absent");
        }

        private Sent? Any(Step step, Func<Sent, bool> which) =>
            sent.Values.Where(which).ToList() is { Count: > 0 } some ? some[step.Which % some.Count] : null;

        private Sent New(Guid? campaign, bool marketing)
        {
            var id = Uuid.Of($"{organization}/{number++}");
            return sent[id] = new(new(id, Uuid.Of("account"), Uuid.Of($"c{id}"), Uuid.Of($"v{id}"), campaign, "template", "outbound"),
                marketing);
        }

        private Task TopUpAsync(decimal amount)
        {
            var reference = $"pay {number++} of {organization}";
            return PostAsync(new Credit(amount, EntryCategories.Topup, new(Uuid.Of($"topup/{reference}"), "topup"), reference), amount);
        }

        private Task SpendAsync(decimal amount)
        {
            var reference = $"subscription/{Uuid.Of($"{organization}/{number++}")}/0";
            return PostAsync(new Debit(amount, EntryCategories.Subscription, new(Uuid.Of(reference), "subscription"), reference), -amount);
        }

        private async Task LaunchAsync(int members, bool marketing)
        {
            var campaign = Uuid.Of($"{organization}/{number++}");
            var hold = new PlaceHold(CampaignHolds.Reference(campaign), members * Prices[1], clock.Now.AddDays(400));
            if (!await PostAsync(hold, 0, tx => tx.ExecuteAsync("""
                INSERT INTO bsp.campaign_holds (campaign_id, organization_id, currency, placed, unit_max, included)
                VALUES ($1, $2, 'USD', $3, $4, 0)
                """, default, campaign, organization, hold.Amount, Prices[1])))
            {
                return; // refused: nothing is sent
            }

            await AppendAsync(campaign, "campaign", new CampaignAudienceFrozen(campaign, members, clock.Now));
            for (var member = 0; member < members; member++)
            {
                New(campaign, marketing);
            }
        }

        // A command: what it takes must be there.
        private async Task<bool> PostAsync(Posting posting, decimal moves, Func<TenantTransaction, Task>? beside = null)
        {
            await using var tx = await database.Shard.BeginAsync(organization, default);
            var outcome = (await processes[number % 2].Ledger.PostAsync(tx, database.Shard, organization, "USD", [posting], default))[0];
            await (outcome is Posted ? beside?.Invoke(tx) ?? Task.CompletedTask : Task.CompletedTask);
            await tx.CommitAsync(default);
            if (outcome is Posted { Entry: var entry })
            {
                moved += moves;
                (moves > 0 || entry.BalanceAfter - entry.HeldAfter >= 0).ShouldBeTrue("no command overdraws");
            }

            return outcome is Posted;
        }

        private async Task DeliverAsync(Sent message)
        {
            await AppendAsync(message.Ref.MessageId, "message", new MessageDelivered(message.Ref, false, clock.Now, null,
                Word("delivered", message.Marketing), clock.Now));
            sent[message.Ref.MessageId] = message with { Delivered = true };
        }

        private async Task FailAsync(Sent message)
        {
            await AppendAsync(message.Ref.MessageId, "message", new MessageFailed(message.Ref, 131026, "gone", null, null, clock.Now));
            sent[message.Ref.MessageId] = message with { Failed = true };
        }

        private async Task SayAsync(Sent message, string status)
        {
            clock.Now = clock.Now.AddSeconds(1); // newer than whatever was said before
            await AppendAsync(message.Ref.MessageId, "message", status == "read"
                ? new MessageRead(message.Ref, clock.Now, Word(status, message.Marketing), clock.Now)
                : new MessageStatusNoted(message.Ref, status, Word(status, message.Marketing), clock.Now));
            sent[message.Ref.MessageId] = message;
        }

        private async Task AppendAsync(Guid stream, string type, object fact) => (await processes[0].Store.AppendAsync(organization,
            [new(stream, type, null, [fact])], default)).Verdict.ShouldBe(AppendVerdict.Ok);

        private static async Task ChargeAsync(BillingProcess process, int most)
        {
            try
            {
                await process.ChargePageAsync(most, default);
            }
            catch (CheckpointMoved)
            {
                // The other one was faster.
            }
        }

        private async Task CrashAsync(BillingProcess process, int look)
        {
            clock.DiesAfter(look);
            await Record.ExceptionAsync(() => process.ChargePageAsync(400, default));
            clock.DiesAfter(0);
        }

        private async Task ChargeAllAsync()
        {
            while (await processes[number++ % 2].ChargePageAsync(400, default))
            {
            }
        }

        private Task JumpAsync(TimeSpan by)
        {
            clock.Now += by;
            return Task.CompletedTask;
        }

        private static Evidence Word(string status, bool marketing) => new(1, new('0', 64), JsonElement.Parse($$"""
            {"id":"wamid.1","status":"{{status}}",
             "pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"{{(marketing ? "marketing" : "utility")}}"}
            }
            """), "app", "5511");
    }

    // Billing looks at the clock between its steps; the look that is named fails as the disk of a dying machine does.
    private sealed class Dying(DateTimeOffset now) : TimeProvider
    {
        private int looks;

        public DateTimeOffset Now { get; set; } = now;

        /// <param name="look">From now on; 0: none.</param>
        public void DiesAfter(int look) => looks = look;

        public override DateTimeOffset GetUtcNow() =>
            looks > 0 && Interlocked.Decrement(ref looks) == 0 ? throw new IOException("killed here") : Now;
    }
}
