using Bsp.Application.Retention;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Retention;

/// <summary>Carries out the time of one kind of data.</summary>
internal interface IRetentionStep
{
    string Kind { get; }

    /// <summary>What is past its time, and touches nothing; an empty list where it is not known by organization.</summary>
    /// <param name="only">Null: every organization of the shard.</param>
    IAsyncEnumerable<RetentionDue> DueAsync(Shard shard, Guid? only, CancellationToken ct);

    /// <summary>Makes it go, piece by piece. Killed anywhere, the next one goes on.</summary>
    /// <param name="beat">After each piece: how many went with it. Throws when another process has taken over.</param>
    Task CarryAsync(Shard shard, Func<long, Task> beat, CancellationToken ct);
}

/// <summary>A feature's own sweep, brought under the engine.</summary>
internal sealed class SweepStep(ISweep sweep) : IRetentionStep
{
    public string Kind => sweep.Kind;

    public async IAsyncEnumerable<RetentionDue> DueAsync(Shard shard, Guid? only,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask;
        yield break;
    }

    public async Task CarryAsync(Shard shard, Func<long, Task> beat, CancellationToken ct) => await beat(await sweep.SweepAsync(shard, ct));
}
