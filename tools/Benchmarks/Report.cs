using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace Bsp.Benchmarks;

/// <summary>One measured number beside its baseline from the same run.</summary>
/// <param name="Unit"><c>…/s</c>, <c>ms</c>, <c>MB</c>, <c>% of a core</c>.</param>
/// <param name="Baseline">What <paramref name="BaselineName"/> reached; null: there is nothing to compare with.</param>
/// <param name="BaselineName">What was run beside it; null with <paramref name="Baseline"/>.</param>
internal sealed record Figure(string Name, double Value, string Unit, double? Baseline = null, string? BaselineName = null)
{
    /// <summary>Value by baseline.</summary>
    public double? Ratio => Baseline is > 0 ? Value / Baseline : null;
}

/// <summary>Collects figures and shows them: a table on a terminal, plain lines elsewhere, JSON in a file.</summary>
internal sealed class Report
{
    private static readonly JsonSerializerOptions Format =
        new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    private readonly List<Figure> figures = [];

    public void Add(Figure figure)
    {
        figures.Add(figure);
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine(
                $"{figure.Name,-64} {Text(figure.Value),10} {figure.Unit,-12} {Text(figure.Baseline),10} {Ratio(figure),6}   {figure.BaselineName}".TrimEnd());
        }
    }

    /// <summary>Tells people what is going on; not part of the result.</summary>
    public static void Say(string text) => Console.Error.WriteLine($"-- {text}");

    public async Task EndAsync(string? file, CancellationToken ct)
    {
        if (!Console.IsOutputRedirected)
        {
            Draw();
        }

        if (file is not null)
        {
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(figures, Format) + "\n", ct);
        }
    }

    private void Draw()
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("name", "value", "unit", "baseline", "ratio", "baseline is");
        table.Columns[1].RightAligned();
        table.Columns[3].RightAligned();
        table.Columns[4].RightAligned();
        foreach (var figure in figures)
        {
            table.AddRow(new[] { figure.Name, Text(figure.Value), figure.Unit, Text(figure.Baseline), Ratio(figure), figure.BaselineName
                ?? "" }.Select(Markup.Escape).ToArray());
        }

        AnsiConsole.Write(table);
    }

    private static string Ratio(Figure figure) => figure.Ratio?.ToString("0.00", CultureInfo.InvariantCulture) ?? "";

    private static string Text(double? value) => value switch
    {
        null => "",
        >= 100 => value.Value.ToString("N0", CultureInfo.InvariantCulture),
        >= 10 => value.Value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.00", CultureInfo.InvariantCulture),
    };
}

internal static class Medians
{
    /// <summary>Measured runs of everything; one before them warms up.</summary>
    public const int Runs = 3;

    public static double Median(this IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }

    /// <param name="share">0–1: 0.99 for p99.</param>
    public static double Percentile(this IReadOnlyCollection<double> values, double share) =>
        values.Order().ElementAt((int)Math.Min(values.Count - 1, values.Count * share));
}
