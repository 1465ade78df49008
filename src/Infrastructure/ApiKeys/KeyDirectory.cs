using System.Collections.Concurrent;
using Bsp.Application.ApiKeys;
using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.ApiKeys;

/// <summary>
/// Keys by hash from <c>bsp.directory_keys</c>, remembered for less than a second; <c>last_used_at</c> goes out every 5 s.
/// </summary>
public sealed partial class KeyDirectory(Shards shards, TimeProvider clock, ILogger<KeyDirectory> log) : BackgroundService, IKeyDirectory
{
    private static readonly TimeSpan WriteEvery = TimeSpan.FromSeconds(5);

    [Bounded("one entry of 64 bytes a key that was used in the last 5 s")]
    private readonly ConcurrentDictionary<Guid, (Guid OrganizationId, DateTimeOffset At)> used = new();
    private readonly ShortMemory<DirectoryKey> remembered = new("keys", hash => LoadAsync(shards, hash));

    public async ValueTask<KnownKey?> FindAsync(string keyHash, CancellationToken ct) =>
        await remembered.FindAsync(keyHash, ct) is { } key && (key.ExpiresAt is null || key.ExpiresAt > clock.GetUtcNow()) ? key.Key : null;

    public void Used(KnownKey key) => used[key.KeyId] = (key.OrganizationId, clock.GetUtcNow());

    /// <summary>Asks the database again for every key: one was changed in this process.</summary>
    public void Forget() => remembered.Forget();

    /// <summary>What the remembered ones take.</summary>
    public IBoundedMemory Memory => remembered.Memory;

    public override void Dispose()
    {
        remembered.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(WriteEvery, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await WriteUsedAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await WriteUsedAsync(CancellationToken.None);
        }
    }

    private static async Task<DirectoryKey?> LoadAsync(Shards shards, string keyHash)
    {
        await using var command = shards.Directory.CreateCommand("""
            SELECT k.organization_id, k.key_id, k.prefix, k.permissions, k.account_id, o.status, k.expires_at
              FROM bsp.directory_keys k JOIN bsp.directory_organizations o USING (organization_id) WHERE k.key_hash = $1 AND k.revoked_at IS NULL
            """);
        command.Parameters.Add(new() { Value = keyHash });
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync()
            ? new(new(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3), reader.IsDBNull(4) ? null
                : reader.GetGuid(4), reader.GetString(5)), reader.TimeOrNull(6))
            : null;
    }

    private async Task WriteUsedAsync(CancellationToken ct)
    {
        var batch = used.ToArray();
        foreach (var organization in batch.GroupBy(pair => pair.Value.OrganizationId))
        {
            try
            {
                var home = await shards.OfAsync(organization.Key, ct);
                await home.QueryAsync(organization.Key, """
                    UPDATE api_keys SET last_used_at = greatest(last_used_at, u.at) FROM unnest($2::uuid[], $3::timestamptz[]) AS u (id, at) WHERE organization_id = $1 AND api_keys.id = u.id
                    """, _ => 0, ct, organization.Key, organization.Select(p => p.Key).ToArray(), organization.Select(p => p.Value.At).ToArray());
                foreach (var pair in organization)
                {
                    used.TryRemove(pair); // unless it was used again meanwhile
                }

                Loop.Worked();
            }
            catch (Exception fault) when (fault is not OperationCanceledException)
            {
                LogFailed(fault, organization.Key);
                Loop.Failed(fault);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "last_used_at of the keys of {Organization} could not be written; trying again in 5 s")]
    private partial void LogFailed(Exception fault, Guid organization);

    private sealed record DirectoryKey(KnownKey Key, DateTimeOffset? ExpiresAt);
}
