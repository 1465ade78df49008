using Bsp.Application.ApiKeys;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.ApiKeys;

/// <summary><c>api_keys</c> in the shard, <c>bsp.directory_keys</c> in the directory, where callers are looked up.</summary>
public sealed class ApiKeysTable(Shards shards, KeyDirectory known, Entitlements entitlements, AuditLog audit, TimeProvider clock)
    : IRequestHandler<CreateApiKey, Done>, IRequestHandler<RotateApiKey, Done>, IRequestHandler<RevokeApiKey, Done>,
    IRequestHandler<GetApiKey, ApiKeyView?>, IRequestHandler<ListApiKeys, Page<ApiKeyView>>
{
    private const string Columns = "id, name, key_prefix, permissions, account_id, last_used_at, expires_at, created_at, revoked_at";

    public async Task<Done> Handle(CreateApiKey command, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(command.OrganizationId, cancellationToken);
        return await shards.InBothAsync(home, [command.OrganizationId], async (directory, own) =>
        {
            if (command.AccountId is { } account
                && (await own.QueryAsync("SELECT 1 FROM whatsapp_accounts WHERE id = $1", r =>
                    r.GetInt32(0), cancellationToken, account)).Count == 0)
            {
                throw new Refusal("account.unknown", "There is no such account.");
            }

            await entitlements.RequireRoomAsync(own, command.OrganizationId, PlanFeatures.ApiKeys, cancellationToken);
            var done = await InsertAsync(directory, own, command, cancellationToken);
            await audit.NoteAsync(own, home, command.OrganizationId, "api_key.created", "api_key", command.KeyId, null, cancellationToken);
            return done;
        }, cancellationToken);
    }

    public async Task<Done> Handle(RotateApiKey command, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(command.OrganizationId, cancellationToken);
        var done = await shards.InBothAsync(home, [command.OrganizationId], async (directory, own) =>
        {
            var now = clock.GetUtcNow();
            var old = (await own.QueryAsync($"SELECT {Columns} FROM api_keys WHERE id = $1 FOR UPDATE", Row, cancellationToken,
                command.OldKeyId)).FirstOrDefault() ?? throw Unknown();
            if (old.RevokedAt is not null || old.ExpiresAt <= now)
            {
                throw new Refusal("api_key.revoked", "The key has ended already: create a new one.");
            }

            await EndAsync(directory, own, command.OldKeyId, now.AddHours(command.GraceHours), command.GraceHours == 0, cancellationToken);
            var fresh = await InsertAsync(directory, own,
                new(command.OrganizationId, command.KeyId, old.Name, old.Permissions, old.AccountId, old.ExpiresAt, command.KeyHash,
                    command.KeyPrefix), cancellationToken);
            // the new key stands behind what the old one made
            await own.ExecuteAsync("UPDATE webhooks SET created_by_key = $2 WHERE created_by_key = $1", cancellationToken,
                command.OldKeyId, command.KeyId);
            await audit.NoteAsync(own, home, command.OrganizationId, "api_key.rotated", "api_key", command.OldKeyId, null,
                cancellationToken);
            return fresh;
        }, cancellationToken);
        known.Forget();
        return done;
    }

    public async Task<Done> Handle(RevokeApiKey command, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(command.OrganizationId, cancellationToken);
        await shards.InBothAsync(home, [command.OrganizationId], async (directory, own) =>
        {
            var found = await own.QueryAsync("SELECT revoked_at IS NOT NULL FROM api_keys WHERE id = $1 FOR UPDATE", r =>
                r.GetBoolean(0), cancellationToken, command.Id);
            if (found is not [var revoked])
            {
                throw Unknown();
            }

            if (!revoked)
            {
                await EndAsync(directory, own, command.Id, clock.GetUtcNow(), revoke: true, cancellationToken);
                await audit.NoteAsync(own, home, command.OrganizationId, "api_key.revoked", "api_key", command.Id, null, cancellationToken);
            }

            return found;
        }, cancellationToken);
        known.Forget();
        return new(command.Id, 0);
    }

    public async Task<ApiKeyView?> Handle(GetApiKey request, CancellationToken cancellationToken) =>
        await (await shards.OfAsync(request.OrganizationId, cancellationToken))
            .FirstAsync(request.OrganizationId, $"SELECT {Columns} FROM api_keys WHERE organization_id = $1 AND id = $2", Row,
                cancellationToken, request.OrganizationId, request.Id);

    public async Task<Page<ApiKeyView>> Handle(ListApiKeys request, CancellationToken cancellationToken) =>
        Keyset.Of(await (await shards.OfAsync(request.OrganizationId, cancellationToken)).QueryAsync(request.OrganizationId,
            $"SELECT {Columns} FROM api_keys WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3", Row, cancellationToken,
            request.OrganizationId, Keyset.After(request.Cursor), request.Limit + 1), request.Limit, key => key.Id);

    private static async Task<Done> InsertAsync(TenantTransaction directory, TenantTransaction own, CreateApiKey key, CancellationToken ct)
    {
        var expires =
            new NpgsqlParameter { Value = (object?)key.ExpiresAt?.ToUniversalTime()
                ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz };
        var account = new NpgsqlParameter { Value = (object?)key.AccountId ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid };
        await directory.ExecuteAsync(
            "INSERT INTO bsp.directory_keys (key_hash, organization_id, key_id, permissions, expires_at, prefix, account_id) VALUES ($1, $2, $3, $4, $5, $6, $7)", ct,
            key.KeyHash, key.OrganizationId, key.KeyId, key.Permissions, expires, key.KeyPrefix, account);
        await own.ExecuteAsync(
            "INSERT INTO api_keys (id, organization_id, name, key_hash, key_prefix, permissions, expires_at, account_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", ct,
            key.KeyId, key.OrganizationId, key.Name, key.KeyHash, key.KeyPrefix, key.Permissions, expires.Clone(), account.Clone());
        return new(key.KeyId, 0);
    }

    private static async Task<int> EndAsync(TenantTransaction directory, TenantTransaction own, Guid keyId, DateTimeOffset at, bool revoke,
        CancellationToken ct)
    {
        var change = revoke ? "revoked_at = coalesce(revoked_at, $2)" : "expires_at = least(expires_at, $2)";
        await directory.ExecuteAsync($"UPDATE bsp.directory_keys SET {change} WHERE key_id = $1", ct, keyId, at);
        return await own.ExecuteAsync($"UPDATE api_keys SET {change} WHERE id = $1", ct, keyId, at);
    }

    private static Refusal Unknown() => new("api_key.unknown", "There is no such API key.");

    private static ApiKeyView Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GuidOrNull(4), r.TimeOrNull(5), r.TimeOrNull(6),
            r.GetFieldValue<DateTimeOffset>(7), r.TimeOrNull(8));
}
