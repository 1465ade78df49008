using System.Globalization;
using System.Text;
using Bsp.Application.Audit;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Sealing;

public sealed class LogHeadsHandler(Shards shards) : IRequestHandler<ListLogHeads, Page<LogHead>>
{
    public async Task<Page<LogHead>> Handle(ListLogHeads request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var before = request.Cursor is { } cursor ? long.Parse(cursor, CultureInfo.InvariantCulture) : long.MaxValue;
        var heads = await home.QueryAsync(request.OrganizationId,
            $"SELECT {TenantHead.Columns} FROM bsp.log_seals WHERE tenant_id = $1 AND n < $2 ORDER BY n DESC LIMIT $3", TenantHead.Read,
            cancellationToken,
            request.OrganizationId.ToString(), before, request.Limit + 1);
        var page = heads.Take(request.Limit).Select(Shown).ToList();
        return new(page, heads.Count > request.Limit ? page[^1].Number.ToString(CultureInfo.InvariantCulture) : null);
    }

    private static LogHead Shown(TenantHead head) =>
        new(head.Day, head.N, head.Events, Hex(head.Root), Hex(head.Previous), head.Acts, Hex(head.ActsHash),
            new(head.SealedAt, TimeSpan.Zero), Hex(head.Head),
        head.Signed.KeyId, Encoding.UTF8.GetString(head.Content().Bytes), Convert.ToBase64String(head.Signed.Signature));

    private static string Hex(byte[] hash) => Convert.ToHexStringLower(hash);
}

/// <summary>Asked by anybody: looked up once a minute.</summary>
public sealed class LogKeysHandler(LogKeyRing ring) : IRequestHandler<ListLogKeys, IReadOnlyList<LogKey>>
{
    public Task<IReadOnlyList<LogKey>> Handle(ListLogKeys request, CancellationToken cancellationToken) =>
        ring.ListAsync(cancellationToken);
}

/// <summary>The public keys that count on any shard, remembered for a minute.</summary>
public sealed class LogKeyRing(Shards shards, LogSigner signer, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);
    private readonly SemaphoreSlim one = new(1);
    private volatile Remembered? remembered;

    public async Task<IReadOnlyList<LogKey>> ListAsync(CancellationToken ct)
    {
        if (remembered is { } known && clock.GetElapsedTime(known.At) < Fresh)
        {
            return known.Keys;
        }

        await one.WaitAsync(ct);
        try
        {
            if (remembered is { } meanwhile && clock.GetElapsedTime(meanwhile.At) < Fresh)
            {
                return meanwhile.Keys;
            }

            var all = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
            foreach (var shard in shards.All)
            {
                await using var connection = await shard.App.OpenConnectionAsync(ct);
                foreach (var (keyId, key) in await LogKeys.TrustedAsync(connection, signer, ct))
                {
                    all[keyId] = key;
                }
            }

            LogKey[] keys = [.. all.Select(key => new LogKey(key.Key, "Ed25519", Convert.ToBase64String(key.Value)))];
            remembered = new(keys, clock.GetTimestamp());
            return keys;
        }
        finally
        {
            one.Release();
        }
    }

    public void Dispose() => one.Dispose();

    private sealed record Remembered(IReadOnlyList<LogKey> Keys, long At);
}
