using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using FsCheck;
using FsCheck.Fluent;

namespace Bsp.UnitTests.Ledger;

/// <summary>
/// Random postings in random pages, over months, against a model of a dozen lines. A failure shows the seed and the smallest case.
/// </summary>
public sealed class LedgerModelTests
{
    private static readonly DateTimeOffset Start = new(2026, 10, 28, 0, 0, 0, TimeSpan.Zero);

    public enum Kind { Topup, Return, Charge, ChargeFromHold, Reverse, Subscribe, Hold, Settle, Release, Expire, Again, NextPage }

    public sealed record Step(Kind Kind, int Millionths, int Which, int Hours)
    {
        public static Gen<Step> Any { get; } =
            from kind in Gen.Elements(Enum.GetValues<Kind>())
            from millionths in Gen.Choose(1, 20_000_000)
            from which in Gen.Choose(0, 5)
            from hours in Gen.Choose(-30, 300)
            select new Step(kind, millionths, which, hours);
    }

    [Fact]
    public void Whatever_comes_the_entries_add_up_the_chain_holds_and_no_command_overdraws() =>
        Prop.ForAll(Gen.ListOf(Step.Any, 120).Select(steps => steps.ToArray()).ToArbitrary(), Holds)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(150));

    private static bool Holds(Step[] steps)
    {
        var wallet = new Wallet(Guid.Parse("0198c0de-0000-7000-8000-00000000000a"), "USD", Start);
        var model = new Model();
        var now = Start;
        foreach (var step in steps)
        {
            if (step.Kind == Kind.NextPage)
            {
                wallet.NextPage(now = now.AddHours(step.Hours));
                continue;
            }

            var before = wallet.Head;
            var posting = model.Posting(step, now);
            var outcome = wallet.Post(posting);
            model.Saw(posting, outcome);
            if (outcome is not Posted)
            {
                (wallet.Head.Balance, wallet.Head.Held).ShouldBe((before.Balance, before.Held));
            }
            else if (posting is not Debit { MayOverdraw: true } && wallet.Head.Available < before.Available)
            {
                wallet.Head.Available.ShouldBeGreaterThanOrEqualTo(0m);
            }

            (wallet.Head.Balance, wallet.Head.Held).ShouldBe((model.Balance, model.Held));
        }

        wallet.NextPage(now.AddYears(1));
        foreach (var hold in wallet.Holds.Values.Where(hold => hold.IsOpen).ToList())
        {
            wallet.Post(new ExpireHold(hold.Reference)).ShouldBeOfType<Posted>();
        }

        wallet.Head.Held.ShouldBe(0m);
        Verify(wallet);
        return true;
    }

    private static void Verify(Wallet wallet)
    {
        var (previous, balance, at, month, sequence) = (LedgerEntry.NoHash, 0m, DateTimeOffset.MinValue, "", 0L);
        foreach (var entry in wallet.Entries)
        {
            sequence = entry.Type == EntryTypes.Opening ? 1 : sequence + 1;
            balance += entry.Change;
            entry.PreviousHash.ShouldBe(previous);
            entry.Hash.ShouldBe(LedgerCanonical.Hash(entry));
            entry.BalanceAfter.ShouldBe(balance);
            entry.Sequence.ShouldBe(sequence);
            entry.CreatedAt.ShouldBeGreaterThanOrEqualTo(at);
            entry.HeldAfter.ShouldBeGreaterThanOrEqualTo(0m);
            string.CompareOrdinal(entry.Month, month).ShouldBeGreaterThanOrEqualTo(0);
            (previous, at, month) = (entry.Hash, entry.CreatedAt, entry.Month);
        }

        var replayed = wallet.Entries.Aggregate(LedgerHead.New(wallet.Head.OrganizationId, "USD"), (head, entry) =>
            LedgerHead.Evolve(head, entry.ToEvent()));
        (replayed.Id, replayed.Size, replayed.Hash, replayed.Balance, replayed.Held).ShouldBe(
            (wallet.Head.Id, wallet.Head.Size, wallet.Head.Hash, wallet.Head.Balance, wallet.Head.Held));
        replayed.Tree.Root.ShouldBe(wallet.Head.Tree.Root);
        var keys = wallet.Entries.Where(entry => EntryTypes.IsTransaction(entry.Type)).Select(entry => entry.Id).ToList();
        keys.Distinct().Count().ShouldBe(keys.Count);
    }

    private sealed class Model
    {
        private readonly List<Transfer> posted = [];
        private readonly Dictionary<string, decimal> holds = [];
        private int number;

        public decimal Balance { get; private set; }

        public decimal Held => holds.Values.Sum();

        public Posting Posting(Step step, DateTimeOffset now)
        {
            var amount = step.Millionths * 0.000001m;
            var (key, hold) = (new ChargeKey(Uuid.Of($"{number++}"), "k"), $"hold/{step.Which}");
            var earlier = posted.Count == 0 ? key : posted[^(1 + (step.Which % posted.Count))].Key;
            return step.Kind switch
            {
                Kind.Topup => new Credit(amount, "topup", key, "t"),
                Kind.Return or Kind.Reverse => new RefundOf(earlier, step.Kind == Kind.Return ? amount : null, key, "r"),
                Kind.Charge => new Debit(amount, "message", key, "m", MayOverdraw: true),
                Kind.ChargeFromHold => new Debit(amount, "message", key, "m", FromHold: hold, MayOverdraw: true),
                Kind.Subscribe => new Debit(amount, "subscription", key, "s"),
                Kind.Hold => new PlaceHold(hold, amount, now.AddHours(step.Hours)),
                Kind.Settle => new SettleHold(hold),
                Kind.Release => new ReleaseHold(hold, step.Which % 2 == 0 ? null : amount),
                Kind.Expire => new ExpireHold(hold),
                _ => posted.Count == 0 ? new Credit(amount, "topup", key, "t") : posted[^(1 + (step.Which % posted.Count))],
            };
        }

        public void Saw(Posting posting, PostingOutcome outcome)
        {
            if (outcome is not Posted { Entry: var entry })
            {
                return;
            }

            switch (posting)
            {
                case Transfer transfer:
                    posted.ShouldNotContain(known => known.Key == transfer.Key);
                    posted.Add(transfer);
                    Balance += transfer switch
                    {
                        Credit credit => credit.Amount,
                        Debit debit => -debit.Amount,
                        RefundOf { Of: var of } => posted.Single(known => known.Key == of) is Credit ? -entry.Amount : entry.Amount,
                        _ => 0m,
                    };
                    if (transfer is Debit { FromHold: { } from } && holds.TryGetValue(from, out var left))
                    {
                        holds[from] = Math.Max(0m, left - entry.Amount);
                    }

                    break;
                case PlaceHold place:
                    holds.Add(place.Reference, place.Amount);
                    break;
                case ReleaseHold release:
                    holds[release.Reference] -= entry.Amount;
                    break;
                case SettleHold settle:
                    holds[settle.Reference] = 0m;
                    break;
                case ExpireHold expire:
                    holds[expire.Reference] = 0m;
                    break;
            }
        }
    }
}
