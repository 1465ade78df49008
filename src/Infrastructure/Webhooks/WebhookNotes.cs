using Bsp.Domain.Common;
using Npgsql;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>Why parts of webhooks had no effect; the raw bytes stay in the journal. Of one webhook the first twenty are noted, the rest is counted.</summary>
internal sealed class WebhookNotes
{
    internal const int DetailUnitsMax = 500;
    private const int OfOneMax = 20;

    private readonly Dictionary<long, int> counts = [];
    private readonly List<(Journaled Webhook, string? Field, string Reason, string? Detail)> notes = [];

    /// <param name="reason"><c>not_json</c>, <c>no_envelope</c>, <c>unknown_number</c>, <c>unknown_template</c>, <c>unhandled_field</c>, <c>gone</c>.</param>
    public void Add(Journaled webhook, string? field, string reason, string? detail)
    {
        var count = counts[webhook.Id] = counts.GetValueOrDefault(webhook.Id) + 1;
        if (count <= OfOneMax)
        {
            notes.Add((webhook, Text.Cut(field, DetailUnitsMax), reason, Text.Cut(detail, DetailUnitsMax)));
        }
    }

    public async Task WriteAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        if (notes.Count == 0)
        {
            return;
        }

        var last = notes.GroupBy(n => n.Webhook.Id).Where(g => counts[g.Key] > OfOneMax).ToDictionary(g => g.Key, g => g.Last());
        await using var command = new NpgsqlCommand("""
            INSERT INTO bsp.webhook_notes (journal_id, received_at, field, reason, detail) SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[])
            """, connection)
        {
            Parameters =
            {
                new() { Value = notes.Select(n => n.Webhook.Id).ToArray() }, new() { Value = notes.Select(n => n.Webhook.ReceivedAt).ToArray() },
                new() { Value = notes.Select(n => n.Field).ToArray() }, new() { Value = notes.Select(n => n.Reason).ToArray() },
                new() { Value = notes.Select(n => last.GetValueOrDefault(n.Webhook.Id) == n ? $"{n.Detail} (and {counts[n.Webhook.Id] - OfOneMax} more of this webhook)".TrimStart() : n.Detail).ToArray() },
            },
        };
        await command.ExecuteNonQueryAsync(ct);
    }
}
