namespace Bsp.Benchmarks;

/// <summary>
/// Processor time that each process has used so far. Unlike the wall clock it hardly depends on what else runs on the machine.
/// </summary>
/// <param name="Own">This program: the client of the baselines.</param>
/// <param name="Bare">The bare endpoint; zero where none was started.</param>
internal sealed record Expense(TimeSpan Api, TimeSpan Postgres, TimeSpan Redis, TimeSpan ClickHouse, TimeSpan Own, TimeSpan Bare)
{
    public static readonly Expense None = new(TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);

    public static async Task<Expense> SoFarAsync(Installation of, CancellationToken ct) =>
        new(of.Api().Processor, await of.ProcessorOfPostgresAsync(ct), of.ProcessorOf("redis"), of.ProcessorOf("clickhouse"),
            Environment.CpuUsage.TotalTime, of.ProcessorOf("bare"));

    public static Expense operator +(Expense a, Expense b) =>
        new(a.Api + b.Api, a.Postgres + b.Postgres, a.Redis + b.Redis, a.ClickHouse + b.ClickHouse, a.Own + b.Own, a.Bare + b.Bare);

    public static Expense operator -(Expense a, Expense b) =>
        new(a.Api - b.Api, a.Postgres - b.Postgres, a.Redis - b.Redis, a.ClickHouse - b.ClickHouse, a.Own - b.Own, a.Bare - b.Bare);
}
