using System.Globalization;
using Bsp.Application.Ai;
using Bsp.Application.Common;
using Bsp.Application.Plans;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Ai;

/// <summary>What an organization has set, as workers read it: with the opened key.</summary>
public sealed record AiSet(bool Analysis, bool AutoReply, AiSettings Settings);

/// <summary><c>bsp.ai_settings</c>.</summary>
public sealed class AiSettingsTable(Shards shards, ISecrets secrets, IEntitlements entitlements, AuditLog audit, TimeProvider clock)
    : IRequestHandler<GetAiSettings, AiSettingsView>, IRequestHandler<PatchAiSettings, Done>
{
    public async Task<AiSettingsView> Handle(GetAiSettings query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var row = await shard.FirstAsync(query.OrganizationId, Select, Row, ct, query.OrganizationId);
        return new(query.OrganizationId, row?.Analysis is true, row?.AutoReply is true, row?.Settings ?? new(), row?.Key is not null,
            await UsageAsync(shard, query.OrganizationId, ct), row?.UpdatedAt, row?.Version ?? 0);
    }

    public async Task<Done> Handle(PatchAiSettings command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var tx = await shard.BeginAsync(command.OrganizationId, ct);
        await tx.ExecuteAsync("INSERT INTO bsp.ai_settings (organization_id, row_version) VALUES ($1, 0) ON CONFLICT DO NOTHING", ct,
            command.OrganizationId);
        var before = (await tx.QueryAsync($"{Select} FOR UPDATE", Row, ct, command.OrganizationId))[0];
        if (command.SeenVersion is { } seen && seen != before.Version)
        {
            throw new VersionConflict(command.OrganizationId, named: true);
        }

        var settings = command.Apply(before.Settings);
        var (analysis, autoReply) = (command.Analysis.IsSet ? command.Analysis.Value : before.Analysis,
            command.AutoReply.IsSet ? command.AutoReply.Value : before.AutoReply);
        AiSettingsRules.Require(analysis, autoReply, settings);
        await RequireTeamAsync(tx, settings, ct);
        if (analysis && !before.Analysis)
        {
            await entitlements.RequireAsync(command.OrganizationId, PlanFeatures.Ai, ct);
        }

        await tx.ExecuteAsync("""
            UPDATE bsp.ai_settings SET analysis = $2, auto_reply = $3, settings = $4::jsonb, api_key = $5, updated_at = $6,
              row_version = row_version + 1 WHERE organization_id = $1
            """, ct, command.OrganizationId, analysis, autoReply, settings.Write(),
            Text(KeyAfter(command, before.Settings, settings, before.Key)), clock.GetUtcNow().UtcDateTime);
        await audit.NoteAsync(tx, shard, command.OrganizationId, "ai.settings_changed", "ai_settings", command.OrganizationId,
            [.. Changed(command)], ct);
        await tx.CommitAsync(ct);
        return new(command.OrganizationId, before.Version + 1);
    }

    /// <summary>As they are now; null: nothing was ever set.</summary>
    /// <exception cref="InvalidOperationException">The key was sealed under a master key that is not here.</exception>
    public async Task<AiSet?> LoadAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        var row = await shard.FirstAsync(organizationId, Select, Row, ct, organizationId);
        return row is not null ? new(row.Analysis, row.AutoReply,
            row.Settings with { ApiKey = row.Key is { } key ? new(secrets.Open(key)) : null }) : null;
    }

    /// <summary>The month's name, UTC.</summary>
    public static string MonthOf(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM", CultureInfo.InvariantCulture);

    // A key goes only where it was given for: with another provider or host it has to be given anew, or whoever may set the address could
    // have it sent to themselves.
    private string? KeyAfter(PatchAiSettings command, AiSettings before, AiSettings after, string? kept) => command.ApiKey.IsSet
        ? command.ApiKey.Value is { } given ? secrets.Seal(given) : null
        : before.Provider == after.Provider && HostOf(before) == HostOf(after) ? kept : null;

    private static string HostOf(AiSettings settings) =>
        settings.Address is { } address && Uri.TryCreate(address, UriKind.Absolute, out var url) ? url.GetLeftPart(UriPartial.Authority)
        : "";

    private static IEnumerable<string> Changed(PatchAiSettings p) => new[]
    {
        ("analysis", p.Analysis.IsSet), ("auto_reply", p.AutoReply.IsSet), ("provider", p.Provider.IsSet), ("endpoint", p.Endpoint.IsSet),
        ("model", p.Model.IsSet), ("api_key", p.ApiKey.IsSet), ("prompt", p.Prompt.IsSet), ("facts", p.Facts.IsSet),
        ("allowed_links", p.AllowedLinks.IsSet), ("quiet_seconds", p.QuietSeconds.IsSet), ("handover", p.Handover.IsSet),
        ("share", p.Share.IsSet), ("budget_per_month", p.BudgetPerMonth.IsSet), ("currency", p.Currency.IsSet),
        ("input_price_per_million", p.InputPricePerMillion.IsSet), ("output_price_per_million", p.OutputPricePerMillion.IsSet),
    }.Where(f => f.Item2).Select(f => f.Item1);

    private static async Task RequireTeamAsync(TenantTransaction tx, AiSettings settings, CancellationToken ct)
    {
        if (settings.Handover.TeamId is { } team
            && (await tx.QueryAsync("SELECT 1 FROM bsp.teams WHERE id = $1", _ => 1, ct, team)).Count == 0)
        {
            throw new Refusal("team.unknown", "There is no such team.");
        }
    }

    private async Task<AiUsage> UsageAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        var month = MonthOf(clock.GetUtcNow());
        return await shard.FirstAsync(organizationId, """
            SELECT cost, reserved, calls, input_tokens, output_tokens FROM bsp.ai_usage WHERE organization_id = $1 AND month = $2
            """, r => new AiUsage(month, r.GetDecimal(0), r.GetDecimal(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4)), ct,
            organizationId, month) ?? new(month, 0, 0, 0, 0, 0);
    }

    private const string Select = """
        SELECT analysis, auto_reply, settings::text, api_key, row_version, updated_at FROM bsp.ai_settings WHERE organization_id = $1
        """;

    private sealed record SettingsRow(bool Analysis, bool AutoReply, AiSettings Settings, string? Key, long Version,
        DateTimeOffset UpdatedAt);

    private static SettingsRow Row(NpgsqlDataReader r) => new(r.GetBoolean(0), r.GetBoolean(1), AiSettings.Read(r.GetString(2)),
        r.TextOrNull(3), r.GetInt64(4), r.GetFieldValue<DateTimeOffset>(5));

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };
}
