using Bsp.Domain.Common;
using Bsp.Domain.Ledger;

namespace Bsp.UnitTests.Ledger;

public sealed class LedgerPageTests
{
    private static readonly Guid Organization = new("0198c0de-0000-7000-8000-00000000000a");
    private static readonly DateTimeOffset Now = new(2026, 10, 5, 12, 0, 0, TimeSpan.Zero);

    private readonly Wallet wallet = new(Organization, "USD", Now);

    [Fact]
    public void A_campaign_costs_what_was_delivered_and_gets_the_rest_back()
    {
        wallet.Post(Topup(100m));
        wallet.Post(new PlaceHold("campaign/1", 13.5m, Now.AddDays(2))).ShouldBeOfType<Posted>();
        wallet.Head.Available.ShouldBe(86.5m);
        for (var i = 0; i < 940; i++)
        {
            wallet.Post(Message(0.0135m, "campaign/1"));
        }

        var settled = wallet.Post(new SettleHold("campaign/1")).ShouldBeOfType<Posted>().Entry;

        (settled.Type, Money.Text(settled.Amount)).ShouldBe((EntryTypes.HoldSettled, "0.810000"));
        (Money.Text(wallet.Head.Balance), Money.Text(wallet.Head.Held)).ShouldBe(("87.310000", "0.000000"));
        wallet.Post(Message(0.0135m, "campaign/1")); // one unknown, delivered after all
        Money.Text(wallet.Head.Balance).ShouldBe("87.296500");
        wallet.Entries[^1].Metadata.ContainsKey("hold").ShouldBeFalse();
    }

    [Fact]
    public void A_command_that_would_overdraw_is_told_what_is_missing_and_changes_nothing()
    {
        wallet.Post(Topup(10m));
        wallet.Post(new PlaceHold("a", 13.5m, Now.AddDays(1))).ShouldBe(new Insufficient(3.5m));
        wallet.Post(new PlaceHold("b", 4m, Now.AddDays(1))).ShouldBeOfType<Posted>();
        wallet.Post(new PlaceHold("a", 13.5m, Now.AddDays(1))).ShouldBe(new Insufficient(7.5m));
        wallet.Post(new Debit(6.000001m, "subscription", Key("subscription"), "s")).ShouldBe(new Insufficient(0.000001m));
        wallet.Entries.Count.ShouldBe(3);
    }

    [Fact]
    public void Evidence_overdraws_and_the_next_command_is_refused()
    {
        wallet.Post(Topup(1m));
        wallet.Post(new PlaceHold("campaign/1", 0.16m, Now.AddDays(1)));
        for (var i = 0; i < 100; i++)
        {
            wallet.Post(Message(0.0135m, "campaign/1")).ShouldBeOfType<Posted>();
        }

        (Money.Text(wallet.Head.Balance), Money.Text(wallet.Head.Held)).ShouldBe(("-0.350000", "0.000000"));
        wallet.Post(new SettleHold("campaign/1")).ShouldBeOfType<Posted>().Entry.Amount.ShouldBe(0m);
        wallet.Post(new PlaceHold("campaign/2", 0.01m, Now.AddDays(1))).ShouldBe(new Insufficient(0.36m));
    }

    [Fact]
    public void Of_a_topup_no_more_is_returned_than_was_paid()
    {
        var topup = Topup(100m);
        wallet.Post(topup);
        wallet.Post(Return(topup.Key, 30m)).ShouldBeOfType<Posted>();
        wallet.Post(Return(topup.Key, 50m)).ShouldBeOfType<Posted>();

        var third = wallet.Post(Return(topup.Key, 30m)).ShouldBeOfType<Refused>();

        (third.Code, third.Left).ShouldBe(("refund.exceeds", 20m));
        wallet.Head.Balance.ShouldBe(20m);
        wallet.Entries[^1].Category.ShouldBe("refund");
    }

    [Fact]
    public void A_topup_that_was_spent_is_not_returned()
    {
        var topup = Topup(100m);
        wallet.Post(topup);
        wallet.Post(new Debit(99m, "subscription", Key("subscription"), "s"));

        wallet.Post(Return(topup.Key, 30m)).ShouldBe(new Insufficient(29m));
    }

    [Fact]
    public void A_recategorised_message_is_given_back_and_charged_anew()
    {
        wallet.Post(Topup(1m));
        var utility = Message(0.0016m, null);
        wallet.Post(utility);

        wallet.Post(new RefundOf(utility.Key, null, Key("refund"), utility.ReferenceId)).ShouldBeOfType<Posted>()
            .Entry.Category.ShouldBe("message");
        wallet.Post(new RefundOf(utility.Key, null, Key("refund"), utility.ReferenceId)).ShouldBeOfType<Refused>()
            .Code.ShouldBe("refund.exceeds");
        wallet.Post(Message(0.0135m, null));

        wallet.Entries.Skip(2).Select(entry => Money.Text(entry.Change)).ShouldBe(["-0.001600", "0.001600", "-0.013500"]);
    }

    [Fact]
    public void The_same_key_twice_is_one_entry_also_in_one_page()
    {
        var topup = Topup(100m);
        var first = wallet.Post(topup).ShouldBeOfType<Posted>().Entry;
        wallet.Post(topup).ShouldBe(new Repeated(first.Id));
        wallet.NextPage();
        wallet.Post(topup with { Amount = 5m }).ShouldBe(new Repeated(first.Id));
        wallet.Post(new RefundOf(new(Uuid.New(), "topup"), 1m, Key("refund"), "r")).ShouldBeOfType<Refused>()
            .Code.ShouldBe("charge.unknown");
    }

    [Fact]
    public void A_hold_ends_once_and_not_before_its_time()
    {
        wallet.Post(Topup(10m));
        wallet.Post(new PlaceHold("h", 4m, Now.AddHours(1)));
        wallet.Post(new PlaceHold("h", 4m, Now.AddHours(1))).ShouldBe(new Repeated(null));
        wallet.Post(new ReleaseHold("h", 1m)).ShouldBeOfType<Posted>().Entry.HeldAfter.ShouldBe(3m);
        wallet.Post(new ExpireHold("h")).ShouldBeOfType<Refused>().Code.ShouldBe("hold.not_due");
        wallet.NextPage(Now.AddHours(1));
        wallet.Post(new ExpireHold("h")).ShouldBeOfType<Posted>().Entry.Type.ShouldBe("hold_expired");
        wallet.Post(new ReleaseHold("h")).ShouldBe(new Repeated(null));
        wallet.Post(new SettleHold("other")).ShouldBeOfType<Refused>().Code.ShouldBe("hold.unknown");
        wallet.Head.Held.ShouldBe(0m);
    }

    [Fact]
    public void The_first_entry_of_a_month_closes_the_months_before_and_carries_balance_holds_and_hash()
    {
        wallet.Post(Topup(10m));
        wallet.Post(new PlaceHold("h", 4m, Now.AddYears(1)));
        var last = wallet.Head;
        wallet.NextPage(new DateTimeOffset(2026, 12, 3, 0, 0, 0, TimeSpan.Zero));
        wallet.Post(Message(1m, "h"));

        var made = wallet.Entries.Skip(3).ToList();
        made.Select(entry => $"{entry.Month} {entry.Sequence} {entry.Type} {LedgerTime.Text(entry.CreatedAt)}").ShouldBe(
        [
            "2026-10 4 closing 2026-11-01T00:00:00.000Z", "2026-11 1 opening 2026-11-01T00:00:00.000Z",
                "2026-11 2 closing 2026-12-01T00:00:00.000Z",
            "2026-12 1 opening 2026-12-01T00:00:00.000Z", "2026-12 2 debit 2026-12-03T00:00:00.000Z",
        ]);
        made[0].Metadata.ShouldBe(new Dictionary<string, string> { ["entries"] = "3",
            ["root"] = Convert.ToHexStringLower(last.Tree.Root) });
        made[1].PreviousHash.ShouldBe(made[0].Hash);
        (made[1].BalanceAfter, made[1].HeldAfter).ShouldBe((10m, 4m));
        wallet.Head.Tree.Size.ShouldBe(2);
    }

    [Fact]
    public void A_clock_that_goes_back_is_not_believed()
    {
        wallet.Post(Topup(10m));
        wallet.NextPage(new DateTimeOffset(2026, 11, 1, 0, 0, 0, 1, TimeSpan.Zero));
        wallet.Post(Message(1m, null));
        wallet.NextPage(new DateTimeOffset(2026, 10, 31, 23, 59, 59, TimeSpan.Zero));
        wallet.Post(Message(1m, null));

        (wallet.Entries[^1].Month, LedgerTime.Text(wallet.Entries[^1].CreatedAt)).ShouldBe(("2026-11", "2026-11-01T00:00:00.001Z"));
        wallet.Entries[^1].Id.ShouldBeGreaterThan(wallet.Entries[^2].Id);
    }

    [Fact]
    public void A_clock_that_is_a_century_ahead_is_refused()
    {
        wallet.Post(Topup(10m));
        wallet.NextPage(Now.AddYears(150));

        Should.Throw<InvalidOperationException>(() => wallet.Post(Message(1m, null)));
    }

    [Fact]
    public void A_balance_beyond_twelve_digits_is_refused()
    {
        wallet.Post(Topup(999_999_999_999m));
        wallet.Post(Topup(1m)).ShouldBeOfType<Refused>().Code.ShouldBe("wallet.limit");
        wallet.Head.Balance.ShouldBe(999_999_999_999m);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(0.0000001)]
    [InlineData(1e12)]
    public void An_amount_that_is_none_is_nobodys_posting(double amount) =>
        Should.Throw<ArgumentOutOfRangeException>(() => wallet.Post(Topup((decimal)amount)));

    [Fact]
    public void Texts_that_no_store_takes_are_nobodys_posting()
    {
        Should.Throw<ArgumentException>(() => wallet.Post(Topup(1m) with { ReferenceId = "" }));
        Should.Throw<ArgumentException>(() => wallet.Post(Topup(1m) with { ReferenceId = new('x', 256) }));
        Should.Throw<ArgumentException>(() => wallet.Post(Topup(1m) with { Description = "\ud800" }));
        Should.Throw<ArgumentException>(() => wallet.Post(Topup(1m) with { Metadata = new Dictionary<string, string> { ["Key"] = "v" } }));
        Should.Throw<ArgumentException>(() => wallet.Post(Topup(1m) with { Category = "other" }));
        wallet.Entries.ShouldBeEmpty();
    }

    [Fact]
    public void Ids_of_one_moment_sort_as_their_entries()
    {
        for (var i = 0; i < 500; i++)
        {
            wallet.Post(Topup(1m));
        }

        wallet.Entries.Skip(1).Select(entry => entry.Id).ShouldBeInOrder(SortDirection.Ascending);
        wallet.Entries.ShouldAllBe(entry => entry.Id.Version == 7);
    }

    internal static ChargeKey Key(string kind) => new(Uuid.New(), kind);

    internal static Credit Topup(decimal amount) => new(amount, "topup", Key("topup"), "pay");

    internal static Debit Message(decimal amount, string? hold) =>
        new(amount, "message", Key("message"), "message/1", FromHold: hold, MayOverdraw: true);

    private static RefundOf Return(ChargeKey of, decimal amount) => new(of, amount, Key("refund"), "ref");
}

/// <summary>A wallet page after page, as the rows of a database would carry it from one to the next.</summary>
internal sealed class Wallet(Guid organization, string currency, DateTimeOffset at)
{
    private readonly Dictionary<string, LedgerHold> holds = [];
    private readonly Dictionary<ChargeKey, LedgerCharge> charges = [];
    private readonly List<LedgerEntry> entries = [];
    private LedgerPage page = new(LedgerHead.New(organization, currency), [], [], at);

    public LedgerHead Head => page.Head;

    public IReadOnlyList<LedgerEntry> Entries => [.. entries, .. page.Entries];

    public IReadOnlyDictionary<string, LedgerHold> Holds => holds;

    public IReadOnlyDictionary<ChargeKey, LedgerCharge> Charges => charges;

    public PostingOutcome Post(Posting posting) => page.Post(posting);

    public void NextPage(DateTimeOffset? now = null)
    {
        at = now ?? at;
        entries.AddRange(page.Entries);
        foreach (var hold in page.Holds)
        {
            holds[hold.Reference] = hold;
        }

        foreach (var charge in page.NewCharges.Select(fresh => fresh.Charge).Concat(page.Charges))
        {
            charges[charge.Key] = charge;
        }

        page = new(page.Head, holds.Values, charges.Values, at);
    }
}
