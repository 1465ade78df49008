using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Organizations;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.ApiKeys;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Auth;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Organizations;

/// <summary><c>organizations</c> in the shard, <c>bsp.directory_organizations</c> in the directory.</summary>
public sealed class OrganizationsTable(Shards shards, ISecrets secrets, KeyDirectory keys, SessionDirectory sessions, AuditLog audit)
    : IRequestHandler<CreateOrganization, Done>, IRequestHandler<PatchOrganization, Done>, IRequestHandler<SetOrganizationStatus, Done>,
    IRequestHandler<GetOrganization, OrganizationView?>, IRequestHandler<ListOrganizations, Page<OrganizationView>>
{
    private const string Columns =
        "id, name, slug, logo_url, meta_business_id, meta_access_token IS NOT NULL, status, settings::text, created_at, updated_at, row_version";

    // A claim of the platform's own route lives in the directory, under all zeros: its transaction commits last, so that a crash in between
    // repeats the work.
    public async Task<Done> Handle(CreateOrganization command, CancellationToken cancellationToken)
    {
        var home = shards.ForNew(command.Slug);
        await using var directory = await shards.DirectoryHome().BeginAsync([command.OrganizationId, Guid.Empty], cancellationToken);
        try
        {
            await directory.ExecuteAsync("INSERT INTO bsp.directory_organizations (organization_id, slug, shard) VALUES ($1, $2, $3)",
                cancellationToken, command.OrganizationId, command.Slug, home.Name);
            if (ReferenceEquals(home.App, shards.Directory))
            {
                await InsertAsync(directory, home, command, cancellationToken);
            }
            else
            {
                await using var own = await home.BeginAsync(command.OrganizationId, cancellationToken);
                await InsertAsync(own, home, command, cancellationToken);
                await own.CommitUnmarkedAsync(cancellationToken);
            }
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new Refusal("organization.slug_taken", $"The slug '{command.Slug}' is taken: choose another.");
        }

        await directory.CommitAsync(cancellationToken);
        return new(command.OrganizationId, 1);
    }

    public async Task<Done> Handle(PatchOrganization command, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(command.OrganizationId, cancellationToken);
        await using var own = await home.BeginAsync(command.OrganizationId, cancellationToken);
        var patch = new RowPatch("organizations", command.OrganizationId)
            .Set("name", command.Name)
            .Set("logo_url", command.LogoUrl)
            .Set("meta_business_id", command.MetaBusinessId);
        SetSealed(patch, "meta_access_token", command.MetaAccessToken);
        SetSealed(patch, "webhook_verify_token", command.WebhookVerifyToken);
        SetSealed(patch, "meta_app_secret", command.MetaAppSecret);
        await patch.MergeAsync(own, "settings", command.Settings, cancellationToken);
        var done = await patch.RunAsync(own, command.SeenVersion, "organization.unknown", cancellationToken);
        if (patch.Changed.Count > 0)
        {
            await audit.NoteAsync(own, home, command.OrganizationId, "organization.changed", "organization", command.OrganizationId,
                patch.Changed, cancellationToken);
        }

        await own.CommitAsync(cancellationToken);
        return done;
    }

    public async Task<Done> Handle(SetOrganizationStatus command, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(command.OrganizationId, cancellationToken);
        var done = await shards.InBothAsync(home, [command.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            await directory.ExecuteAsync("UPDATE bsp.directory_organizations SET status = $2 WHERE organization_id = $1 AND status <> $2",
                cancellationToken, command.OrganizationId, command.Status);
            if (command.Status != "active")
            {
                await OneTimeTokens.DropOfAsync(directory, command.OrganizationId, cancellationToken);
            }

            var same = await own.QueryAsync("SELECT status = $2 FROM organizations WHERE id = $1 FOR UPDATE", r =>
                r.GetBoolean(0), cancellationToken, command.OrganizationId, command.Status);
            var patch = new RowPatch("organizations", command.OrganizationId);
            var changed = await (same is [true] ? patch : patch.Set("status", command.Status))
                .RunAsync(own, command.SeenVersion, "organization.unknown", cancellationToken);
            if (patch.Changed.Count > 0)
            {
                await audit.NoteAsync(own, home, command.OrganizationId, $"organization.{command.Status}", "organization",
                    command.OrganizationId, patch.Changed, cancellationToken);
            }

            return changed;
        }, cancellationToken);
        keys.Forget();
        sessions.Forget();
        return done;
    }

    public async Task<OrganizationView?> Handle(GetOrganization request, CancellationToken cancellationToken) =>
        await (await shards.OfAsync(request.Id, cancellationToken))
        .FirstAsync(request.Id, $"SELECT {Columns} FROM organizations WHERE id = $1", Row, cancellationToken, request.Id);

    public async Task<Page<OrganizationView>> Handle(ListOrganizations request, CancellationToken cancellationToken)
    {
        await using var command =
            shards.Directory.CreateCommand(
                "SELECT organization_id, shard FROM bsp.directory_organizations WHERE organization_id > $1 ORDER BY organization_id LIMIT $2");
        command.Parameters.Add(new() { Value = Keyset.After(request.Cursor) });
        command.Parameters.Add(new() { Value = request.Limit + 1 });
        var found = new List<(Guid Id, string Shard)>();
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                found.Add((reader.GetGuid(0), reader.GetString(1)));
            }
        }

        var page = Keyset.Of(found, request.Limit, f => f.Id);
        var views = new List<OrganizationView>();
        foreach (var group in page.Data.GroupBy(f => f.Shard))
        {
            var ids = group.Select(f => f.Id).ToArray();
            var home = await shards.OfAsync(ids[0], cancellationToken);
            views.AddRange(await home.QueryAsync(ids, $"SELECT {Columns} FROM organizations WHERE id = ANY ($1)", Row, cancellationToken,
                ids));
        }

        return new(page.Data.Join(views, f => f.Id, v => v.Id, (_, view) => view).ToList(), page.NextCursor);
    }

    // The row may be there already: left by a crash between the two commits of the same request.
    private async Task InsertAsync(TenantTransaction transaction, Shard home, CreateOrganization c, CancellationToken ct)
    {
        var made = await transaction.ExecuteAsync("""
            INSERT INTO organizations (id, name, slug, logo_url, meta_business_id, meta_access_token, webhook_verify_token, settings)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb) ON CONFLICT (id) DO NOTHING
            """, ct, c.OrganizationId, c.Name, c.Slug, Text(c.LogoUrl), Text(c.MetaBusinessId), Text(c.MetaAccessToken is null ? null : secrets.Seal(c.MetaAccessToken)),
            Text(c.WebhookVerifyToken is null ? null : secrets.Seal(c.WebhookVerifyToken)),
            c.Settings is { ValueKind: JsonValueKind.Object } settings ? settings.GetRawText() : "{}");
        if (made == 1)
        {
            await audit.NoteAsync(transaction, home, c.OrganizationId, "organization.created", "organization", c.OrganizationId, null, ct);
        }
    }

    private void SetSealed(RowPatch patch, string column, Optional<string?> secret)
    {
        if (secret.IsSet)
        {
            patch.Set(column, secret.Value is null ? null : secrets.Seal(secret.Value), "::text");
        }
    }

    private static NpgsqlParameter Text(string? value) =>
        new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text };

    private static OrganizationView Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetString(1), r.GetString(2), r.TextOrNull(3), r.TextOrNull(4), r.GetBoolean(5), r.GetString(6),
        r.Json(7), r.GetFieldValue<DateTimeOffset>(8), r.GetFieldValue<DateTimeOffset>(9), r.GetInt64(10));
}
