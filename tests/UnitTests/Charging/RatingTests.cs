using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using static Bsp.UnitTests.Charging.Desk;

namespace Bsp.UnitTests.Charging;

public sealed class RatingTests
{
    private const string India = "+919812345678";
    private const string Brazil = "+5511987654321";
    private const string America = "+16505551234";
    private const decimal I = 0.013500m; // a marketing message to India by the demo card

    private static readonly ChargeRule[] Utility = [new("utility", "regular", true, null, "regular")];

    private static Tariff Tiers(params Rate[] rates) =>
        DemoTariff.Both with { Cards = [new("own", "USD", October.AddYears(-1), rates, Utility)] };

    [Theory]
    [InlineData("0.0120", "0.125", "0", "0.013500")]
    [InlineData("0.0025", "0.0186", "0", "0.002546")]
    [InlineData("0.0025", "0.0190", "0", "0.002548")]
    [InlineData("0.0830", "0", "0.0005", "0.083500")]
    public void A_unit_is_rounded_once_half_to_even(string price, string rate, string fix, string unit) =>
        Money.Text(new Rate("*", "utility", 1, null, decimal.Parse(price, null), decimal.Parse(rate, null), decimal.Parse(fix, null)).Unit)
        .ShouldBe(unit);

    [Fact]
    public void Messages_of_the_plan_come_first_and_free_ones_use_up_none()
    {
        var desk = new Desk(DemoTariff.Both, new("2026-10", 1_000, 0));
        for (var i = 0; i < 1_250; i++)
        {
            desk.Deliver(Delivered(India, "marketing"));
            desk.Deliver(Delivered(India, "marketing", "free_entry_point"));
        }

        desk.Charged.ShouldBe(3.375000m);
        desk.Bills.Count(b => b.Outcome == RatingOutcome.Included).ShouldBe(1_000);
    }

    [Theory]
    [InlineData(1_000, "4.000000")]
    [InlineData(1_001, "4.003600")]
    [InlineData(6_200, "22.240000")]
    public void Tiers_are_graduated(int messages, string total)
    {
        var desk = new Desk(Tiers(new("India", "utility", 1, 1_000, 0.0040m, 0, 0), new("India", "utility", 1_001, 5_000, 0.0036m, 0, 0),
            new("India", "utility", 5_001, null, 0.0032m, 0, 0)));
        for (var i = 0; i < messages; i++)
        {
            desk.Deliver(Delivered(India, "utility"));
        }

        Money.Text(desk.Charged).ShouldBe(total);
    }

    [Fact]
    public void A_refund_gives_back_exactly_its_charge_and_no_place_in_the_tier()
    {
        var tariff = Tiers(new("India", "utility", 1, 1_000, 0.0040m, 0, 0), new("India", "utility", 1_001, null, 0.0036m, 0, 0));
        tariff = tariff with { Cards =
            [new("own", "USD", October.AddYears(-1), tariff.Cards[0].Rates, [.. Utility, new("utility", "free_entry_point", false)])] };
        var desk = new Desk(tariff);
        var ids = Enumerable.Range(0, 1_000).Select(_ => Guid.NewGuid()).ToList();
        ids.ForEach(id => desk.Deliver(Delivered(India, "utility"), id));
        desk.Say(ids[599], new("utility", "free_entry_point", null, null, October.AddSeconds(1), 3));
        desk.Entries[^1].ShouldBe(0.004000m);
        desk.Deliver(Delivered(India, "utility"));
        desk.Entries[^1].ShouldBe(-0.003600m);
    }

    [Fact]
    public void The_moment_of_delivery_decides_the_card()
    {
        var first = new RateCard("a", "USD", October.AddYears(-1), [new("*", "utility", 1, null, 0.0040m, 0, 0)], Utility);
        var change = new DateTimeOffset(2026, 10, 1, 0, 0, 0, TimeSpan.Zero);
        var desk = new Desk(
            DemoTariff.Both with { Cards = [first, new("b", "USD", change, [new("*", "utility", 1, null, 0.0042m, 0, 0)], Utility)] });
        desk.Deliver(Delivered(India, "utility", at: change.AddMilliseconds(-1)));
        desk.Deliver(Delivered(India, "utility", at: change));
        desk.Entries.ShouldBe([-0.004000m, -0.004200m]);
    }

    [Fact]
    public void Free_service_messages_that_Meta_has_counted_are_not_counted_again()
    {
        var desk = new Desk(DemoTariff.Both);
        Many(desk, 1_000, Rating.Service, "free_customer_service", October);
        Many(desk, 200, Rating.Service, "regular", October);
        desk.Charged.ShouldBe(0.320000m);
        Many(desk, 200, Rating.Service, "regular", October, Guid.NewGuid());
        desk.Charged.ShouldBe(0.640000m);
    }

    [Fact]
    public void Without_evidence_the_first_thousand_of_a_number_are_taken_for_free()
    {
        var desk = new Desk(DemoTariff.Both);
        Many(desk, 1_200, Rating.Service, null, October);
        desk.Charged.ShouldBe(0.320000m);
        desk.Bills.ShouldAllBe(b => b.EvidenceAt == null);
        var other = new Desk(DemoTariff.Both);
        Many(other, 600, Rating.Service, null, October, Guid.NewGuid());
        Many(other, 600, Rating.Service, null, October, Guid.NewGuid());
        other.Charged.ShouldBe(0);
    }

    [Fact]
    public void The_same_history_is_charged_by_the_rules_of_its_time()
    {
        var (before, after) = (new Desk(DemoTariff.Both), new Desk(DemoTariff.Both));
        var september = new DateTimeOffset(2026, 9, 30, 23, 59, 59, TimeSpan.Zero);
        Many(before, 1_000, Rating.Service, "free_customer_service", september);
        Many(before, 200, Rating.Service, "regular", september);
        before.Charged.ShouldBe(0);
        Many(before, 300, "utility", "free_customer_service", september);
        before.Charged.ShouldBe(0);
        Many(before, 300, "utility", null, september, inWindow: true);
        before.Charged.ShouldBe(0);
        Many(before, 300, "utility", null, september, inWindow: false);
        before.Charged.ShouldBe(0.480000m);
        Many(after, 300, "utility", "regular", October, inWindow: true);
        after.Charged.ShouldBe(0.480000m);
        Many(after, 300, "utility", null, October, inWindow: true);
        after.Charged.ShouldBe(0.960000m);
    }

    [Fact]
    public void What_was_assumed_is_taken_back_and_charged_as_Meta_says()
    {
        var desk = new Desk(DemoTariff.Both);
        var message = Guid.NewGuid();
        desk.Follow(message, India, "utility",
            Told(Status("delivered", 5, null), Status("read", 9, "marketing"), Status("read", 9, "marketing")));
        desk.Entries.ShouldBe([-0.001600m, 0.001600m, -I]);
        desk.BillOf(message)!.DebitNumber.ShouldBe(2);
    }

    [Fact]
    public void In_whatever_order_the_statuses_come_there_is_one_charge()
    {
        ReportedStatus[] said =
            [Status("sent", 3, "marketing"), Status("delivered", 5, "marketing"), Status("read", 9, null), Status("failed", 7, null)];
        foreach (var order in Orders(said))
        {
            var desk = new Desk(DemoTariff.Both);
            desk.Follow(Guid.NewGuid(), India, "utility", Told([.. order, .. order]));
            desk.Charged.ShouldBe(I, string.Join(", ", order.Select(s => s.Status)));
        }
    }

    [Fact]
    public void Only_the_newest_word_of_Metas_counts_in_whatever_order_it_comes()
    {
        ReportedStatus[] said =
            [Status("sent", 3, "utility"), Status("delivered", 5, null), Status("read", 9, "marketing"),
                Status("read", 11, "authentication")];
        foreach (var order in Orders(said))
        {
            var desk = new Desk(DemoTariff.Both);
            desk.Follow(Guid.NewGuid(), Brazil, "utility", Told([.. order]));
            desk.Charged.ShouldBe(0.007514m, string.Join(", ", order.Select(s => s.Status)));
        }
    }

    [Fact]
    public void What_only_failed_costs_nothing()
    {
        var desk = new Desk(DemoTariff.Both);
        desk.Follow(Guid.NewGuid(), India, "marketing", Told(Status("sent", 1, "marketing"), Status("failed", 5, null)));
        desk.Entries.ShouldBeEmpty();
    }

    [Fact]
    public void Everyone_in_a_group_who_gets_it_is_charged_by_their_own_market()
    {
        var desk = new Desk(DemoTariff.Both);
        var message = Guid.NewGuid();
        foreach (var (phone, participant) in new[] { (India, "1"), (India[..^1] + "1", "2"), (Brazil, "3"), (America, "4") })
        {
            desk.Deliver(Delivered(phone, "group_marketing"), message, participant);
        }

        desk.Charged.ShouldBe(0.128250m);
        Bill.Reference(message, "3", 1).ShouldBe($"message/{message}/3");
    }

    [Theory]
    [InlineData(India, "marketing", "free_of_everything", "type_unknown")]
    [InlineData(India, "holograms", "regular", "category_unknown")]
    [InlineData("", "marketing", "regular", "market_unknown")]
    [InlineData(Brazil, "authentication-international", "regular", "no_rate")]
    public void What_is_not_known_waits_and_is_never_free(string recipient, string category, string type, string reason)
    {
        var desk = new Desk(DemoTariff.Both);
        desk.Deliver(Delivered(recipient, category, type));
        desk.Entries.ShouldBeEmpty();
        var bill = desk.Bills.Single();
        (bill.Outcome, bill.Reason).ShouldBe((RatingOutcome.Pending, reason));
    }

    [Fact]
    public void What_waits_for_a_rate_is_charged_by_the_first_card_that_has_it()
    {
        var without = DemoTariff.Both with { Cards = [] };
        var desk = new Desk(without);
        desk.Deliver(Delivered(India, "marketing", at: October.AddYears(-1)));
        desk.Bills.Single().Reason.ShouldBe("no_card");
        desk.Reprice(DemoTariff.Both);
        desk.Entries.ShouldBe([-I]);
        desk.Reprice(DemoTariff.Both);
        desk.Entries.Count.ShouldBe(1);
    }

    [Fact]
    public void An_exempt_organization_pays_no_service_messages()
    {
        var desk = new Desk(DemoTariff.Both);
        var delivery = Delivered(India, Rating.Service);
        desk.Deliver(delivery with { Evidence = delivery.Evidence! with { Subtype = "paid_exempt" } });
        desk.Bills.Single().Outcome.ShouldBe(RatingOutcome.Free);
    }

    [Fact]
    public void The_price_of_the_plan_comes_on_top_of_the_cards()
    {
        var desk = new Desk(DemoTariff.Both, new("2026-10", 1, 0.005m));
        desk.Deliver(Delivered(India, "marketing"));
        desk.Deliver(Delivered(India, "marketing"));
        desk.Entries.ShouldBe([-0.018500m]);
    }

    [Theory]
    [InlineData("+919812345678", "India", null)]
    [InlineData("+17875551234", "Rest of Latin America", null)]
    [InlineData("+16505551234", "North America", null)]
    [InlineData("+14165551234", "North America", null)]
    [InlineData("+12425551234", "Other", null)]
    [InlineData("+212612345678", "Morocco", null)]
    [InlineData("+212612345678", "Rest of Africa", "2026-09-30T23:59:59Z")]
    [InlineData("+99912345678", "Other", null)]
    [InlineData("+919812345678", "India", "2001-01-01T00:00:00Z")]
    public void The_longest_prefix_of_the_day_names_the_market(string phone, string market, string? at) =>
        DemoTariff.Both.Markets.Of(Markets.Recipient(phone, null), at is null ? October
            : DateTimeOffset.Parse(at, System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(market);

    [Fact]
    public void Who_is_known_by_a_user_id_only_belongs_to_the_market_of_its_country()
    {
        DemoTariff.Both.Markets.Of(Markets.Recipient(null, "IN.13491208655302741918"), October).ShouldBe("India");
        DemoTariff.Both.Markets.Of(Markets.Recipient(null, "CA.1349"), October).ShouldBe("North America");
        DemoTariff.Both.Markets.Of(Markets.Recipient(null, "XX.1349"), October).ShouldBe("Other");
        DemoTariff.Both.Markets.Of(Markets.Recipient(null, null), October).ShouldBeNull();
    }

    private static void Many(Desk desk, int count, string category, string? type, DateTimeOffset at, Guid? account = null,
        bool? inWindow = null)
    {
        for (var i = 0; i < count; i++)
        {
            desk.Deliver(Delivered(India, category, type, at, account, inWindow));
        }
    }

    private static List<MessageEvent> Told(params ReportedStatus[] said)
    {
        var reference = new MessageRef(Guid.NewGuid(), Desk.Account, Guid.NewGuid(), Guid.NewGuid(), null, "template", "outbound");
        var state = Message.Initial;
        var all = new List<MessageEvent>();
        void Take(params MessageEvent[] events)
        {
            all.AddRange(events);
            state = events.Aggregate(state, Message.Evolve);
        }

        Take(new MessageQueued(reference, null, new(Guid.Empty, ""), new("api", null, null, true), October),
            new MessageSending(reference, 1, Guid.Empty, October), new MessageAccepted(reference, "wamid.1", false, "response", October));
        foreach (var status in said)
        {
            Take(Message.Report(state, status));
        }

        return all;
    }

    private static IEnumerable<ReportedStatus[]> Orders(ReportedStatus[] all) => all.Length <= 1 ? [all]
        : all.SelectMany((first, i) => Orders([.. all.Where((_, j) => j != i)]).Select(rest => (ReportedStatus[])[first, .. rest]));
}
