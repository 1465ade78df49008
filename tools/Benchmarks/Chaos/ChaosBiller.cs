using System.Globalization;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>
/// A process that charges, renews, closes months and audits, to be killed: every loop that billing has in the application, at its quickest.
/// What is no passing trouble is told on standard output as <c>fault …</c>.
/// </summary>
internal static class ChaosBiller
{
    public const string Verb = "chaos-biller";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(40);

    /// <param name="diesAt">The look at the clock at which it kills itself; 0: none.</param>
    /// <param name="skew">Seconds that its clock is off.</param>
    public static async Task<int> RunAsync(int diesAt, double skew)
    {
        await using var access = LogAccess.To(Environment.GetEnvironmentVariable(ChaosWriter.ConnectionVariable)
            ?? throw new InvalidOperationException($"{ChaosWriter.ConnectionVariable} is not set."));
        var time = new ChaosTime(TimeSpan.FromSeconds(skew), diesAt);
        while (!await TryAsync(() => LookAsync(access.Shard, time)))
        {
            await Task.Delay(Pause); // nobody charges before they know what time it is
        }

        await using var process = new BillingProcess(access.Shards, time);
        using var runner = process.NewRunner();
        await runner.StartAsync(CancellationToken.None);
        Tell("begun");
        await Task.WhenAll(
            EverAsync(() => LookAsync(access.Shard, time)),
            EverAsync(() => process.Renewals.RunAsync(process.Shard, CancellationToken.None)),
            EverAsync(() => process.Months.RoundAsync(process.Shard, CancellationToken.None)),
            EverAsync(() => process.CatchUp.RoundAsync(process.Shard, CancellationToken.None)),
            EverAsync(() => process.Auditor.WorkAsync(CancellationToken.None)));
        return 0;
    }

    private static async Task LookAsync(Shard shard, ChaosTime time)
    {
        await using var command = shard.App.CreateCommand("SELECT seconds FROM public.chaos_clock");
        time.Set(TimeSpan.FromSeconds((double)(await command.ExecuteScalarAsync())!));
    }

    private static Task EverAsync(Func<Task> round) => Task.Run(async () =>
    {
        while (true)
        {
            await TryAsync(round);
            await Task.Delay(Pause);
        }
    });

    private static async Task<bool> TryAsync(Func<Task> round)
    {
        try
        {
            await round();
            return true;
        }
        catch (Exception trouble)
        {
            if (!Passes(trouble))
            {
                Tell($"fault {trouble.GetType().Name}: {trouble.Message.ReplaceLineEndings(" ")}");
            }

            return false;
        }
    }

    // PostgreSQL is away, or the other process was faster.
    private static bool Passes(Exception trouble) => trouble switch
    {
        AggregateException several => several.InnerExceptions.All(Passes),
        InvalidOperationException { InnerException: { } inner } => Passes(inner),
        PostgresException refused => refused.SqlState is ['5', '7', 'P', ..] or ['0', '8', ..] or "40001" or "40P01" or "53300",
        NpgsqlException or StoreUnavailable or VersionConflict or IOException or TimeoutException or ObjectDisposedException => true,
        _ => false,
    };

    private static void Tell(string line)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }

    /// <summary>Its command line.</summary>
    public static string[] Arguments(int diesAt, double skew) =>
        [Verb, diesAt.ToString(CultureInfo.InvariantCulture), skew.ToString(CultureInfo.InvariantCulture)];
}
