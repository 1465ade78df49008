using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Health;

/// <summary>
/// The directory and every shard answer a query, asked all at once. One that does not is named; as long as one shard answers, its
/// organizations are served, and no proxy shall take the process out.
/// </summary>
public sealed class PostgresHealth(Shards shards) : IStoreHealth
{
    // Below the bound of the whole check, so that those that answer are heard.
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(1.5);

    private volatile bool stops;

    public string Name => "postgres";

    public bool StopsServing => stops;

    public async Task<string?> CheckAsync(CancellationToken ct)
    {
        var directory = AnswersAsync(shards.Directory, ct);
        var each = shards.All.Select(async shard => (shard.Name, Up: await AnswersAsync(shard.App, ct)));
        var answers = await Task.WhenAll(each);
        stops = answers.All(a => !a.Up);
        var away = answers.Where(a => !a.Up).Select(a => $"shard {a.Name}").Order(StringComparer.Ordinal);
        var names = (await directory ? away : away.Prepend("the directory")).ToList();
        return names.Count == 0 ? null : $"{string.Join(", ", names)}: no answer.";
    }

    private static async Task<bool> AnswersAsync(NpgsqlDataSource database, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(AnswerMax);
        try
        {
            await using var command = database.CreateCommand("SELECT 1");
            await command.ExecuteScalarAsync(patience.Token);
            return true;
        }
        catch (Exception fault) when (fault is NpgsqlException or OperationCanceledException or TimeoutException)
        {
            return false;
        }
    }
}
