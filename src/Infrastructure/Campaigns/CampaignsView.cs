using System.Text.Json;
using Bsp.Application.Campaigns;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// Inline view: the specification's <c>campaigns</c> row, except its counters. One statement per event: life cycles are short and rare.
/// </summary>
public sealed class CampaignsView : IInlineView
{
    public IReadOnlyCollection<string> EventTypes { get; } = Application.EventStore.EventTypes.NamesOf<CampaignEvent>();

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        foreach (var stored in events)
        {
            switch (stored.Body)
            {
                case CampaignCreated e:
                    Add(batch, """
                        INSERT INTO campaigns (id, organization_id, template_id, account_id, name, description, type, status,
                                               audience_segment, metadata, created_at, updated_at, version, on_limit, send_until,
                                               options, retry_of, trigger_keys)
                        VALUES ($1, $2, $3, $4, $5, $6, $7, 'DRAFT', $8, $9, $10, $10, $11, coalesce($12, 'wait'), $13, $14, $15, $16)
                        """, e.CampaignId, stored.OrganizationId, e.TemplateId, e.AccountId, e.Name, Text(e.Description), e.Type,
                        Json(e.AudienceSegment), Json(e.Metadata), e.At.UtcDateTime, stored.Version, Text(e.OnLimit), Time(e.SendUntil),
                        Options(e.Options), Id(e.Options?.RetryOf), Keys(e.Options));
                    break;
                case CampaignChanged e:
                    Add(batch, """
                        UPDATE campaigns SET template_id = $2, account_id = $3, name = $4, description = $5, audience_segment = $6,
                               metadata = $7, updated_at = $8, version = $9, on_limit = coalesce($10, 'wait'), send_until = $11,
                               options = $12, trigger_keys = $13 WHERE id = $1
                        """, e.CampaignId, e.TemplateId, e.AccountId, e.Name, Text(e.Description), Json(e.AudienceSegment),
                        Json(e.Metadata), e.At.UtcDateTime, stored.Version, Text(e.OnLimit), Time(e.SendUntil), Options(e.Options),
                        Keys(e.Options));
                    break;
                case CampaignScheduled e:
                    Add(batch, "UPDATE campaigns SET status = 'SCHEDULED', scheduled_at = $2, updated_at = $3, version = $4, local_time = $5 WHERE id = $1",
                        e.CampaignId, e.ScheduledAt.UtcDateTime, e.At.UtcDateTime, stored.Version, Text(e.LocalTime));
                    break;
                case CampaignLaunched e:
                    Launch(batch, e, stored.Version);
                    break;
                case CampaignAudienceFrozen e:
                    Add(batch, "UPDATE campaigns SET total_recipients = $2, updated_at = $3, version = $4 WHERE id = $1", e.CampaignId,
                        e.TotalRecipients, e.At.UtcDateTime, stored.Version);
                    break;
                case CampaignPaused e:
                    Add(batch, "UPDATE campaigns SET status = 'PAUSED', pause_reason = $2, updated_at = $3, version = $4 WHERE id = $1",
                        e.CampaignId, e.Reason, e.At.UtcDateTime, stored.Version);
                    break;
                case CampaignResumed e:
                    Add(batch, "UPDATE campaigns SET status = 'RUNNING', pause_reason = NULL, updated_at = $2, version = $3 WHERE id = $1",
                        e.CampaignId, e.At.UtcDateTime, stored.Version);
                    break;
                case CampaignCancelled e:
                    Add(batch, "UPDATE campaigns SET status = 'CANCELLED', completed_at = $2, updated_at = $2, version = $3 WHERE id = $1",
                        e.CampaignId, e.At.UtcDateTime, stored.Version);
                    break;
                case CampaignCompleted e:
                    Add(batch, "UPDATE campaigns SET status = 'COMPLETED', completed_at = $2, updated_at = $2, version = $3 WHERE id = $1",
                        e.CampaignId, e.At.UtcDateTime, stored.Version);
                    break;
            }
        }
    }

    // Its hours are fixed with its audience: its own, else the organization's; whose zone nobody knows has the organization's.
    private static void Launch(NpgsqlBatch batch, CampaignLaunched e, long version) => Add(batch, $"""
        UPDATE campaigns c SET status = 'RUNNING', started_at = $2, updated_at = $2, version = $3, local_time = $4,
               hours = CASE WHEN $4 IS NOT NULL OR h.said ? 'quiet_from' OR h.said ? 'days'
                            THEN coalesce(h.said, '{"{}"}') || jsonb_build_object('otherwise', coalesce(h.zone, 'UTC')) END
          FROM (SELECT k.id, coalesce(k.options -> 'hours', CASE WHEN jsonb_typeof(o.settings -> '{CampaignSettings.SendingHours}') = 'object'
                         THEN o.settings -> '{CampaignSettings.SendingHours}' END) AS said, o.settings ->> 'time_zone' AS zone
                  FROM campaigns k JOIN organizations o ON o.id = k.organization_id WHERE k.id = $1) h
         WHERE c.id = h.id
        """, e.CampaignId, e.At.UtcDateTime, version, Text(e.LocalTime));

    private static void Add(NpgsqlBatch batch, string sql, params object[] arguments)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(argument as NpgsqlParameter ?? new NpgsqlParameter { Value = argument });
        }

        batch.BatchCommands.Add(command);
    }

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };

    private static NpgsqlParameter Time(DateTimeOffset? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.TimestampTz, Value = value is { } at ? at.UtcDateTime : DBNull.Value };

    private static NpgsqlParameter Id(Guid? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = (object?)value ?? DBNull.Value };

    private static NpgsqlParameter Options(CampaignOptions? options) => new() { NpgsqlDbType = NpgsqlDbType.Jsonb,
        Value = options is null ? DBNull.Value : JsonSerializer.Serialize(options, Application.EventStore.EventTypes.Json) };

    private static NpgsqlParameter Keys(CampaignOptions? options) => new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
        Value = CampaignOptionRules.KeysOf(options?.Trigger) is { Count: > 0 } keys ? keys.ToArray() : DBNull.Value };

    private static NpgsqlParameter Json(JsonElement? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = value is { } json ? json.GetRawText() : DBNull.Value };
}
