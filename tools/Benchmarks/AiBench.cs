using System.Diagnostics;
using System.Globalization;
using System.Text;
using Bsp.Application.Ai;
using Bsp.Infrastructure.Ai.Embedded;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks;

/// <summary>
/// What the embedded reader makes of labelled messages of customers, by language and by feature, what it takes a message, and what it
/// keeps in memory. Labels: <c>../shared/data/ai/labelled.csv</c>, or the file that BSP_BENCH_LABELLED names; without one only time and
/// memory are measured, on texts of our own.
/// </summary>
internal static class AiBench
{
    private const int Rounds = 40;
    private const string Variable = "BSP_BENCH_LABELLED";

    private static readonly string[] OwnTexts =
    [
        "Hello, where is my order? It should have been here on Monday.", "¿A qué hora abren mañana?", "Merci beaucoup, tout est parfait !",
        "Quero cancelar minha assinatura", "السلام عليكم، متى يوصل الطلب؟", "मेरा ऑर्डर कब आएगा?", "Kak, barangnya belum sampai juga nih",
    ];

    private sealed record Labelled(string Id, string Language, int Sentiment, string Intent, string[] Features, string Text);

    public static Task RunAsync(Report report, CancellationToken ct)
    {
        var labelled = Read();
        var texts = labelled.Count > 0 ? labelled.ConvertAll(l => l.Text) : [.. OwnTexts];
        var before = Memory();
        var reader = new EmbeddedReader();
        var began = Stopwatch.GetTimestamp();
        reader.Read(new("Hello there, how are you today?", null));
        report.Add(new("first text, lists and models read", Stopwatch.GetElapsedTime(began).TotalMilliseconds, "ms"));
        texts.ForEach(t => reader.Read(new(t, null)));
        report.Add(new("memory that the reader keeps", Memory() - before, "MB", 60, "what it may keep"));
        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            ct.ThrowIfCancellationRequested();
            foreach (var text in texts)
            {
                began = Stopwatch.GetTimestamp();
                reader.Read(new(text, null));
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }

        report.Add(new("a message, median", times.Median(), "ms", 1, "what it may take"));
        report.Add(new("a message, p99", times.Percentile(0.99), "ms", 1, "what it may take"));
        if (labelled.Count > 0)
        {
            Judge(report, labelled, [.. labelled.Select(l => reader.Read(new(l.Text, null)))]);
        }

        return Task.CompletedTask;
    }

    private static void Judge(Report report, List<Labelled> labelled, List<TextReading> readings)
    {
        var all = labelled.Zip(readings).ToList();
        Add(report, "all", all);
        foreach (var language in all.GroupBy(p => p.First.Language).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            Add(report, language.Key, [.. language]);
        }

        foreach (var feature in all.SelectMany(p => p.First.Features).Distinct().Order(StringComparer.Ordinal))
        {
            Add(report, feature, [.. all.Where(p => p.First.Features.Contains(feature))]);
        }

        report.Add(new("all: macro-F1 of intents", MacroF1(all), "", 1, "perfect"));
        if (Environment.GetEnvironmentVariable("BSP_BENCH_SHOW") is { Length: > 0 })
        {
            foreach (var (label, reading) in all.Where(p => !Right(p)))
            {
                Report.Say($"{label.Id} {label.Language}/{label.Sentiment}/{label.Intent} → "
                    + $"{reading.Language}/{reading.Score:0.00}/{reading.Intent}: {label.Text}");
            }
        }
    }

    private static void Add(Report report, string name, List<(Labelled First, TextReading Second)> pairs)
    {
        double Share(Func<(Labelled First, TextReading Second), bool> right) => 100.0 * pairs.Count(right) / pairs.Count;
        report.Add(new($"{name} ({pairs.Count}): language", Share(p => p.First.Language == p.Second.Language), "% right", 100, "perfect"));
        report.Add(new($"{name} ({pairs.Count}): sentiment", Share(p => p.First.Sentiment == Sign(p.Second)), "% right", 100, "perfect"));
        report.Add(new($"{name} ({pairs.Count}): sentiment turned round", Share(p => p.First.Sentiment * Sign(p.Second) == -1), "% wrong"));
        report.Add(new($"{name} ({pairs.Count}): intent", Share(p => p.First.Intent == p.Second.Intent), "% right", 100, "perfect"));
    }

    private static bool Right((Labelled First, TextReading Second) p) =>
        p.First.Language == p.Second.Language && p.First.Sentiment == Sign(p.Second) && p.First.Intent == p.Second.Intent;

    private static int Sign(TextReading reading) => reading.Sentiment switch { "positive" => 1, "negative" => -1, _ => 0 };

    private static double MacroF1(List<(Labelled First, TextReading Second)> pairs) => pairs.Select(p => p.First.Intent).Distinct()
        .Average(intent =>
        {
            var right = pairs.Count(p => p.First.Intent == intent && p.Second.Intent == intent);
            var said = pairs.Count(p => p.Second.Intent == intent);
            var meant = pairs.Count(p => p.First.Intent == intent);
            return right == 0 ? 0 : 2.0 * right / (said + meant);
        });

    private static List<Labelled> Read()
    {
        var file = Environment.GetEnvironmentVariable(Variable)
            ?? (Checkout.Root is { } root ? Path.Combine(root, "..", "shared", "data", "ai", "labelled.csv") : null);
        if (file is null || !File.Exists(file))
        {
            Report.Say($"There are no labelled messages ({Variable} names a file): only time and memory are measured.");
            return [];
        }

        var rows = new List<Labelled>();
        foreach (var line in File.ReadLines(file).Skip(1).Where(l => l.Length > 0))
        {
            var fields = Fields(line);
            rows.Add(new(fields[0], fields[1], int.Parse(fields[2], CultureInfo.InvariantCulture), fields[3],
                fields[4].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), fields[5]));
        }

        return rows;
    }

    // One row a line, RFC 4180.
    private static List<string> Fields(string line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '"' && quoted && i + 1 < line.Length && line[i + 1] == '"')
            {
                field.Append(line[i++]);
            }
            else if (line[i] == '"')
            {
                quoted = !quoted;
            }
            else if (line[i] == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(line[i]);
            }
        }

        fields.Add(field.ToString());
        return fields;
    }

    private static double Memory()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return GC.GetTotalMemory(forceFullCollection: true) / 1_048_576.0;
    }
}
