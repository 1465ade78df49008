using System.Globalization;
using System.Text.RegularExpressions;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Application.Common;

namespace Bsp.Application.Charging;

/// <param name="From">Null: from the moment of the import on.</param>
public sealed record CardDraft(string Code, DateTimeOffset? From, string Currency, IReadOnlyList<Rate> Rates);

/// <summary>What a file holds: cards with their rates, or rules by the code of their card.</summary>
public sealed record RateCardContent(IReadOnlyList<CardDraft> Cards, IReadOnlyDictionary<string, IReadOnlyList<ChargeRule>> Rules);

/// <summary>
/// Reads a CSV file of rate cards, or of rules, line by line: nothing is taken of a file with a single bad line, and every bad line is
/// named. The header tells which it is.
/// </summary>
public sealed partial class RateCardFile
{
    /// <summary>Lines of one file, the header apart.</summary>
    public const int LinesMax = 50_000;

    private const int FaultsMax = 100; // named; further ones are counted
    private const int DecimalsMax = 6;

    private static readonly string[] CardColumns =
        ["card", "effective_from", "market", "category", "tier_from", "tier_to", "currency", "unit_price", "markup_rate", "markup_fixed"];
    private static readonly string[] RuleColumns =
        ["card", "category", "pricing_type", "charge", "monthly_allowance", "allowance_scope", "assumed_when_missing"];
    private static readonly string[] CardRequired = ["card", "market", "category", "currency", "unit_price"];
    private static readonly string[] RuleRequired = ["card", "category", "pricing_type", "charge"];

    private readonly string[] header;
    private readonly bool isRules;
    private readonly IReadOnlySet<string> markets;
    private readonly DateTimeOffset now;
    private readonly bool pastToo;
    private readonly List<(int Line, string Card, DateTimeOffset? From, string Currency, Rate Rate)> rates = [];
    private readonly Dictionary<string, Dictionary<(string, string), ChargeRule>> rules = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, List<(string Code, string Message)>> faults = [];
    private int lines;

    /// <param name="pastToo">The product's own demo cards begin before they are loaded.</param>
    /// <exception cref="RefusedFields"><c>rate_card.header</c></exception>
    public RateCardFile(string[] header, IReadOnlySet<string> markets, DateTimeOffset now, bool pastToo = false)
    {
        this.header = [.. header.Select(h => h.Trim().TrimStart('\uFEFF').ToLowerInvariant())];
        (this.markets, this.now, this.pastToo) = (markets, now, pastToo);
        isRules = this.header.Contains("pricing_type");
        var (known, required) = isRules ? (RuleColumns, RuleRequired) : (CardColumns, CardRequired);
        var wrong = this.header.Where(h => !known.Contains(h)).Select(h => $"'{Text.Cut(h, 60)}' is no column of it.")
            .Concat(required.Where(r => !this.header.Contains(r)).Select(r => $"The column {r} is missing."))
            .Concat(this.header.GroupBy(h => h).Where(g => g.Count() > 1).Select(g => $"The column {Text.Cut(g.Key, 60)} comes twice."))
            .ToArray();
        if (wrong.Length > 0)
        {
            throw new RefusedFields("rate_card.header", $"The first line must name the columns {string.Join(", ", known)}, in any order.",
                new Dictionary<string, string[]> { ["line 1"] = wrong });
        }
    }

    /// <summary>One more line; what is wrong with it is kept until the end.</summary>
    /// <exception cref="Refusal"><c>rate_card.too_large</c></exception>
    public void Add(int line, string[] fields, string? unreadable)
    {
        if (++lines > LinesMax)
        {
            throw new Refusal("rate_card.too_large", $"A file has at most {LinesMax} lines. Nothing was imported.");
        }

        if (unreadable is not null || fields.Length != header.Length)
        {
            Fault(line, "rate_card.line", unreadable is not null ? $"It {unreadable}."
                : $"It has {fields.Length} fields, the header {header.Length}.");
        }
        else if (isRules)
        {
            AddRule(line, fields);
        }
        else
        {
            AddRate(line, fields);
        }
    }

    /// <summary>The whole file.</summary>
    /// <exception cref="RefusedFields">The code of its faults when all have the same, else <c>rate_card.invalid</c>; each line by its
    /// number.</exception>
    public RateCardContent Content()
    {
        if (lines == 0)
        {
            throw new RefusedFields("rate_card.empty", "There is no line after the header. Nothing was imported.",
                new Dictionary<string, string[]> { ["line 2"] = ["is missing"] });
        }

        var cards = Cards();
        if (faults.Count > 0)
        {
            throw Refused();
        }

        return new(cards, rules.ToDictionary(r => r.Key, r => (IReadOnlyList<ChargeRule>)[.. r.Value.Values]));
    }

    private void AddRate(int line, string[] fields)
    {
        string Of(string column) => Array.IndexOf(header, column) is >= 0 and var i ? fields[i].Trim() : "";
        var before = faults.Count;
        var (card, market, category, currency) = (Of("card"), Of("market"), Of("category").ToLowerInvariant(), Of("currency"));
        Name(line, card);
        Expect(line, market == RateCard.AnyMarket || markets.Contains(market), "rate_card.market",
            $"'{Text.Cut(market, 60)}' is no market; * stands for all that the card does not name.");
        Expect(line, PricedCategories.All.Contains(category), "rate_card.category",
            $"'{Text.Cut(category, 60)}' is no category: {string.Join(", ", PricedCategories.All)}.");
        Expect(line, Currencies.All.Contains(currency), "rate_card.currency", $"'{Text.Cut(currency, 10)}' is no currency of ISO 4217.");
        var from = From(line, Of("effective_from"));
        var price = Amount(line, "unit_price", Of("unit_price"));
        var rate = Amount(line, "markup_rate", Or(Of("markup_rate"), "0"));
        var fix = Amount(line, "markup_fixed", Or(Of("markup_fixed"), "0"));
        var tierFrom = Count(line, "tier_from", Or(Of("tier_from"), "1")) ?? 1;
        var tierTo = Of("tier_to").Length == 0 ? null : Count(line, "tier_to", Of("tier_to"));
        Expect(line, !(tierTo < tierFrom), "rate_card.tier", $"tier_to {tierTo} lies before tier_from {tierFrom}.");
        Expect(line, rate <= 100, "rate_card.amount", "markup_rate is a share (0.125 is 12.5 %), at most 100.");
        if (faults.Count == before && !faults.ContainsKey(line))
        {
            rates.Add((line, card, from, currency, new(market, category, tierFrom, tierTo, price, rate, fix)));
        }
    }

    private void AddRule(int line, string[] fields)
    {
        string Of(string column) => Array.IndexOf(header, column) is >= 0 and var i ? fields[i].Trim() : "";
        var (card, category, type, charge, assumed) =
            (Of("card"), Of("category").ToLowerInvariant(), Of("pricing_type").ToLowerInvariant(), Of("charge"), Of("assumed_when_missing")
                .ToLowerInvariant());
        Name(line, card);
        Expect(line, PricedCategories.All.Contains(category), "rate_card.category",
            $"'{Text.Cut(category, 60)}' is no category: {string.Join(", ", PricedCategories.All)}.");
        Expect(line, Word().IsMatch(type), "rate_card.type", "pricing_type is a word of Meta's: 1 to 64 of a–z, 0–9 and _.");
        Expect(line, charge is "unit" or "none", "rate_card.charge", "charge is unit or none.");
        Expect(line, assumed.Length == 0
            || Word().IsMatch(assumed), "rate_card.type", "assumed_when_missing is a pricing type, by_window or by_allowance.");
        var allowance = Of("monthly_allowance").Length == 0 ? null : Count(line, "monthly_allowance", Of("monthly_allowance"));
        Expect(line, Of("allowance_scope") is "" or "number+month", "rate_card.allowance",
            "allowance_scope is number+month: counted for each number and calendar month.");
        Expect(line, assumed != "by_allowance" || allowance is not null, "rate_card.allowance", "by_allowance needs a monthly_allowance.");
        if (!faults.ContainsKey(line))
        {
            var of = rules.TryGetValue(card, out var known) ? known : rules[card] = [];
            Expect(line,
                of.TryAdd((category, type), new(category, type, charge == "unit", allowance, assumed.Length == 0 ? null : assumed)),
                "rate_card.duplicate",
                $"{card} has a rule for {category}, {type} already.");
        }
    }

    private List<CardDraft> Cards()
    {
        var cards = new List<CardDraft>();
        foreach (var card in rates.GroupBy(r => r.Card))
        {
            var first = card.First();
            foreach (var other in card.Where(r => r.From != first.From || r.Currency != first.Currency))
            {
                Fault(other.Line, "rate_card.mixed",
                    $"{card.Key} begins at {Show(first.From)} in {first.Currency} on line {first.Line}: one card has one moment and one currency.");
            }

            foreach (var tiers in card.GroupBy(r => (r.Rate.Market, r.Rate.Category)))
            {
                Tiers(tiers.Key, [.. tiers.OrderBy(t => t.Rate.TierFrom).ThenBy(t => t.Line)]);
            }

            cards.Add(new(card.Key, first.From, first.Currency, [.. card.Select(r => r.Rate)]));
        }

        foreach (var same in cards.GroupBy(c => (c.Currency, From: c.From ?? now)).Where(g => g.Count() > 1))
        {
            var second = rates.First(r => r.Card == same.ElementAt(1).Code);
            Fault(second.Line, "rate_card.overlap",
                $"{same.First().Code} and {second.Card} begin at the same moment in {same.Key.Currency}.");
        }

        return cards;
    }

    private void Tiers((string Market, string Category) of,
        (int Line, string Card, DateTimeOffset? From, string Currency, Rate Rate)[] tiers)
    {
        var name = $"{of.Market}, {of.Category}";
        Expect(tiers[0].Line, tiers[0].Rate.TierFrom == 1, "rate_card.gap",
            $"{name}: messages 1 to {tiers[0].Rate.TierFrom - 1} have no price.");
        foreach (var (before, after) in tiers.Zip(tiers.Skip(1)))
        {
            var next = before.Rate.TierTo + 1;
            if (after.Rate.TierFrom == before.Rate.TierFrom && after.Rate.TierTo == before.Rate.TierTo)
            {
                Fault(after.Line, "rate_card.duplicate", $"{name}: line {before.Line} has the same tier.");
            }
            else if (next is null || after.Rate.TierFrom < next)
            {
                Fault(after.Line, "rate_card.overlap", $"{name}: message {after.Rate.TierFrom} has a price on line {before.Line} already.");
            }
            else
            {
                Expect(after.Line, after.Rate.TierFrom == next, "rate_card.gap",
                    $"{name}: messages {next} to {after.Rate.TierFrom - 1} have no price.");
            }
        }

        Expect(tiers[^1].Line, tiers.Any(t => t.Rate.TierTo is null), "rate_card.gap",
            $"{name}: messages from {tiers[^1].Rate.TierTo + 1} on have no price; leave tier_to of the last tier empty.");
    }

    private void Name(int line, string card) =>
        Expect(line, CardName().IsMatch(card), "rate_card.code", "card is a name of 1 to 60 of a–z, A–Z, 0–9, '.', '_' and '-'.");

    private DateTimeOffset? From(int line, string text)
    {
        if (text.Length == 0)
        {
            return null;
        }

        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out var from) || text.Length < 10 || from.Year is < 2000 or > 2200)
        {
            Fault(line, "rate_card.moment", $"'{Text.Cut(text, 40)}' is no moment such as 2027-01-01T00:00:00Z.");
            return null;
        }

        Expect(line, pastToo || from >= now, "rate_card.in_past",
            $"{Show(from)} is over: prices of what was delivered do not change. Give a moment to come, or leave it empty: from now on.");
        return new(from.UtcTicks - (from.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
    }

    private decimal Amount(int line, string column, string text)
    {
        if (Money.TryParseSigned(text, out var amount) && amount >= 0 && text[0] != '-')
        {
            return amount;
        }

        Fault(line, "rate_card.amount",
            $"{column} '{Text.Cut(text, 40)}' is no amount: digits with a point and at most {DecimalsMax} places, 0 or more.");
        return 0;
    }

    private long? Count(int line, string column, string text)
    {
        if (text.Length <= 15 && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0)
        {
            return count;
        }

        Fault(line, "rate_card.tier", $"{column} '{Text.Cut(text, 40)}' is no whole number from 1 on.");
        return null;
    }

    private void Expect(int line, bool holds, string code, string otherwise)
    {
        if (!holds)
        {
            Fault(line, code, otherwise);
        }
    }

    private void Fault(int line, string code, string message)
    {
        if (faults.TryGetValue(line, out var of))
        {
            of.Add((code, message));
        }
        else
        {
            faults[line] = [(code, message)];
        }
    }

    private RefusedFields Refused()
    {
        var codes = faults.Values.SelectMany(f => f).Select(f => f.Code).Distinct().ToList();
        var named = faults.Take(FaultsMax).ToDictionary(f => $"line {f.Key}", f => f.Value.Select(v => $"{v.Code}: {v.Message}").ToArray());
        return new(codes.Count == 1 ? codes[0] : "rate_card.invalid",
            $"{faults.Count} line{(faults.Count == 1 ? " is" : "s are")} wrong{(faults.Count > FaultsMax ? $", of which the first {FaultsMax} are named" : "")}. Nothing was imported.", named);
    }

    private static string Or(string text, string standard) => text.Length == 0 ? standard : text;

    private static string Show(DateTimeOffset? from) =>
        from is { } at ? at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) : "now";

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,59}\z")]
    private static partial Regex CardName();

    [GeneratedRegex(@"\A[a-z0-9_]{1,64}\z")]
    private static partial Regex Word();
}
