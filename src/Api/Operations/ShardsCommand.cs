using Bsp.Application.Common;
using Bsp.Application.Moves;
using Bsp.Domain.Common;

namespace Bsp.Api.Operations;

/// <summary>The verb <c>shards</c>: lists them, makes a database one, and moves an organization while it works.</summary>
/// <param name="prepare">Makes a database a shard, given its connection string.</param>
/// <param name="join">Takes part in running the projections: without them no move goes on.</param>
/// <param name="work">Carries out a move that is due; false: there was none.</param>
public sealed class ShardsCommand(IMoves moves, BspOptions options, Func<string, CancellationToken, Task> prepare, Func<Task> join,
    Func<CancellationToken, Task<bool>> work)
{
    private const string Usage =
        "usage: shards [list] | add NAME CONNECTION-STRING | move ORGANIZATION-ID --to SHARD | show ORGANIZATION-ID | cancel "
            + "ORGANIZATION-ID";
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);

    /// <summary>0: done; 1: it stands, or was refused; 2: not understood.</summary>
    public async Task<int> RunAsync(string[] arguments, CancellationToken ct)
    {
        try
        {
            switch (arguments)
            {
                case [] or ["list"]:
                    await ListAsync(ct);
                    return 0;
                case ["add", { Length: > 0 and <= 50 } name, { Length: > 0 } connection]:
                    return await AddAsync(name, connection, ct);
                case ["move", var id, "--to", var shard] when Guid.TryParse(id, out var organization):
                    return await FollowAsync(await moves.BeginAsync(organization, shard, ct), ct);
                case ["show", var id] when Guid.TryParse(id, out var organization):
                    Draw(await moves.FindAsync(organization, ct) ?? throw new Refusal("move.unknown", "The organization never moved."));
                    return 0;
                case ["cancel", var id] when Guid.TryParse(id, out var organization):
                    return await FollowAsync(await moves.CancelAsync(organization, ct), ct);
                default:
                    await Console.Error.WriteLineAsync(Usage);
                    return 2;
            }
        }
        catch (Refusal refused)
        {
            await Console.Error.WriteLineAsync(refused.Message);
            return 1;
        }
    }

    private async Task ListAsync(CancellationToken ct)
    {
        foreach (var shard in await moves.ShardsAsync(ct))
        {
            Console.WriteLine(shard.Trouble is { } trouble ? $"{shard.Name,-12} {shard.Organizations,8} organizations   {trouble}"
                : $"{shard.Name,-12} {shard.Organizations,8} organizations {shard.Bytes / 1_048_576.0,10:0} MB {shard.Events,14} "
                    + $"numbers of its log");
        }
    }

    private async Task<int> AddAsync(string name, string connection, CancellationToken ct)
    {
        if (options.Shards.Any(s => s.Name == name))
        {
            throw new Refusal("shard.exists", $"There is a shard '{name}' already.");
        }

        try
        {
            await prepare(connection, ct);
        }
        catch (ArgumentException)
        {
            await Console.Error.WriteLineAsync("This is not a PostgreSQL connection string.");
            return 2;
        }

        Console.WriteLine($"The database is ready. Name it to every process and start them again: Bsp:Shards:{name} = that "
            + $"connection string{Others()}.");
        return 0;
    }

    // Whoever had no Bsp:Shards lived on 'default', which must be named from then on.
    private string Others() => options.Shards is [{ Name: "default" }]
        ? "; and Bsp:Shards:default = the connection string of the database in which everybody lives so far" : "";

    private async Task<int> FollowAsync(MoveView move, CancellationToken ct)
    {
        await join();
        var working = WorkAsync(ct);
        for (var shown = ""; ; await Task.Delay(LookEvery, ct))
        {
            move = await moves.FindAsync(move.OrganizationId, ct) ?? move;
            var line = $"{move.State}: {move.Events} of {Math.Max(move.Events, move.EventsTotal)} events, {move.Rows} rows"
                + (move.Error is { } error ? $" ({error})" : "");
            if (line != shown)
            {
                Console.WriteLine(shown = line);
            }

            if (move.State is "living" or "dropped" or "cancelled")
            {
                Draw(move);
                return move.State == "cancelled" ? 1 : 0;
            }

            if (working.IsFaulted)
            {
                await working;
            }
        }
    }

    private async Task WorkAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            if (!await work(ct))
            {
                await Task.Delay(LookEvery, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static void Draw(MoveView move) => Console.WriteLine(
        $"{move.OrganizationId}: {move.Source} -> {move.Target}, {move.State}; {move.Events} events, commands refused for "
            + $"{move.RefusedMs?.ToString() ?? "-"} ms in {move.Freezes} attempt(s); log {move.LogHash ?? "not proven"}"
        + (move.Error is { } error ? $"; {error}" : ""));
}
