using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.EventStore;

/// <summary>How a fact may change its shape: three versions of one, of which the log holds all.</summary>
public sealed class SupersededEventTests
{
    private readonly EventCatalogue catalogue =
        new([typeof(TariffSet), typeof(TariffSetV2), typeof(TariffSetV3), typeof(TariffDropped)], EventTypes.Json);

    [Fact]
    public void Every_version_is_read_as_the_latest()
    {
        Read("tariff_set", """{"price":"12"}""").ShouldBe(new TariffSetV3(12, "INR", false));
        Read("tariff_set_v2", """{"price":12,"currency":"USD"}""").ShouldBe(new TariffSetV3(12, "USD", false));
        Read("tariff_set_v3", """{"price":12,"currency":"USD","taxed":true}""").ShouldBe(new TariffSetV3(12, "USD", true));
        Read("tariff_set_v4", "{}").ShouldBeNull("an older build keeps it and goes on");
    }

    [Fact]
    public void Whoever_reads_a_family_reads_its_earlier_versions_too() =>
        catalogue.NamesOf<TariffEvent>().Order(StringComparer.Ordinal)
        .ShouldBe(["tariff_dropped", "tariff_set", "tariff_set_v2", "tariff_set_v3"]);

    [Fact]
    public void Only_the_latest_is_appended()
    {
        catalogue.NameOf(new TariffSetV3(1, "INR", false)).ShouldBe("tariff_set_v3");
        Should.Throw<InvalidOperationException>(() => catalogue.NameOf(new TariffSet("1"))).Message.ShouldContain("superseded");
        Should.Throw<InvalidOperationException>(() => catalogue.NameOf(new object())).Message.ShouldContain("[StoredAs]");
    }

    [Fact]
    public void A_body_that_no_version_has_is_an_error_and_not_half_a_fact() =>
        Should.Throw<JsonException>(() => Read("tariff_set_v2", """{"price":"much"}"""));

    private object? Read(string name, string json) => catalogue.Read(name, System.Text.Encoding.UTF8.GetBytes(json));

    private abstract record TariffEvent;

    [StoredAs("tariff_set")]
    private sealed record TariffSet(string Price) : ISuperseded<TariffSetV2>
    {
        public TariffSetV2 Next() => new(int.Parse(Price, System.Globalization.CultureInfo.InvariantCulture), "INR");
    }

    [StoredAs("tariff_set_v2")]
    private sealed record TariffSetV2(int Price, string Currency) : ISuperseded<TariffSetV3>
    {
        public TariffSetV3 Next() => new(Price, Currency, Taxed: false);
    }

    [StoredAs("tariff_set_v3")]
    private sealed record TariffSetV3(int Price, string Currency, bool Taxed) : TariffEvent;

    [StoredAs("tariff_dropped")]
    private sealed record TariffDropped : TariffEvent;
}
