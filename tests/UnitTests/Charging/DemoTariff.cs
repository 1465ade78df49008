using System.Globalization;
using Bsp.Domain.Charging;

namespace Bsp.UnitTests.Charging;

/// <summary>The product's own demo card, rules and markets.</summary>
internal static class DemoTariff
{
    public static readonly Tariff Both = Read();

    public static Tariff Only(string card) => Both with { Cards = [.. Both.Cards.Where(c => c.Code == card)] };

    public static Tariff Read()
    {
        var markets = Rows("markets.csv").Select(f => new MarketLine(f[0], f[1], f[2], At(f[3])));
        var rules = Rows("demo-rules.csv")
            .ToLookup(f => f[0], f =>
                new ChargeRule(f[1], f[2], f[3] == "unit", f[4].Length == 0 ? null
                    : long.Parse(f[4], CultureInfo.InvariantCulture), f[6].Length == 0 ? null : f[6]));
        var cards = Rows("demo-card.csv").GroupBy(f => (Code: f[0], From: f[1], Currency: f[6]))
            .Select(g => new RateCard(g.Key.Code, g.Key.Currency, At(g.Key.From),
            [.. g.Select(f =>
                new Rate(f[2], f[3], long.Parse(f[4], CultureInfo.InvariantCulture), f[5].Length == 0 ? null
                    : long.Parse(f[5], CultureInfo.InvariantCulture), Number(f[7]), Number(f[8]), Number(f[9])))],
            [.. rules[g.Key.Code]]));
        return new(1, new Markets(markets), [.. cards]);
    }

    private static IEnumerable<string[]> Rows(string file) =>
        File.ReadLines(EventStore.Repository.Path("src", "Infrastructure", "Charging", "Data", file)).Skip(1).Where(l => l.Length > 0)
        .Select(l => l.Split(','));

    private static DateTimeOffset At(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private static decimal Number(string text) => decimal.Parse(text, CultureInfo.InvariantCulture);
}
