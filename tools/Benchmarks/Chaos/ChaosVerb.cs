using System.Globalization;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks.Chaos;

/// <summary>
/// <c>./bench chaos-events|chaos-http [--billing]|chaos-move|chaos-sending|chaos-webhooks|chaos-retention [--seed N] [--seconds N]</c>
/// </summary>
internal static class ChaosVerb
{
    private const string Billing = "--billing";
    private static readonly TimeSpan Standard = TimeSpan.FromSeconds(120);

    public static Task<int> EventsAsync(string[] options, CancellationToken ct) => RunAsync(options, async (seed, duration) =>
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        if (options.Contains(Billing))
        {
            var books = await ChaosBilling.RunAsync(stores, seed, duration, ct);
            return (books.ToString(), books.Faults.Count);
        }

        var result = await ChaosEvents.RunAsync(stores, seed, duration, ct);
        return (result.ToString(), result.Faults.Count);
    });

    public static Task<int> HttpAsync(string[] options, CancellationToken ct) => RunAsync(options, async (seed, duration) =>
    {
        await using var installation = await Installation.StartAsync(ct);
        var result = await ChaosHttp.RunAsync(installation, seed, duration, ct, billing: options.Contains(Billing));
        return (result.ToString(), result.Faults.Count);
    });

    public static Task<int> SendingAsync(string[] options, CancellationToken ct) => RunAsync(options, async (seed, duration) =>
    {
        var recipients = Option(options, "--recipients") ?? 20_000;
        var day = TimeSpan.FromSeconds(Math.Clamp(duration.TotalSeconds / 3, 15, 3_600));
        await using var installation = await ChaosSending.StartAsync(day, ct);
        var result = await ChaosSending.RunAsync(installation, seed, recipients, day, duration, ct);
        return (result.ToString(), result.Faults.Count);
    });

    public static Task<int> MoveAsync(string[] options, CancellationToken ct) => RunAsync(options, async (seed, duration) =>
    {
        await using var installation = await ChaosMove.StartAsync(ct);
        var result = await ChaosMove.RunAsync(installation, seed, Option(options, "--recipients") ?? 4_000, duration, ct);
        return (result.ToString(), result.Faults.Count);
    });

    public static Task<int> WebhooksAsync(string[] options, CancellationToken ct) => RunAsync(options, async (seed, duration) =>
    {
        await using var installation = await Installation.StartAsync(ct);
        var result = await ChaosWebhooks.RunAsync(installation, seed, duration, ct);
        return (result.ToString(), result.Faults.Count);
    });

    public static Task<int> RetentionAsync(string[] options, CancellationToken ct) => RunAsync(options, async (seed, duration) =>
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        var result = await ChaosRetention.RunAsync(stores, seed, duration, ct);
        return (result.ToString(), result.Faults.Count);
    });

    private static async Task<int> RunAsync(string[] options, Func<int, TimeSpan, Task<(string Said, int Faults)>> run)
    {
        var seed = Option(options, "--seed") ?? Random.Shared.Next(1, 1_000_000);
        var duration = Option(options, "--seconds") is { } seconds ? TimeSpan.FromSeconds(seconds) : Standard;
        Report.Say($"seed {seed}, {duration.TotalSeconds:0} s");
        var (said, faults) = await run(seed, duration);
        Console.WriteLine(said);
        return faults == 0 ? 0 : 1;
    }

    private static int? Option(string[] options, string name) => Array.IndexOf(options, name) is >= 0 and var at
        ? at + 1 < options.Length && int.TryParse(options[at + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
        : throw new Obstacle($"{name} wants a whole number.")
        : null;
}
