using Bsp.Domain.Common;
using Npgsql;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>Why parts of webhooks had no effect; the raw bytes stay in the journal. Of one webhook the first twenty are noted, the rest is
/// counted;
/// each number that nobody has proven yet is noted in any case, because the webhook comes back with its proof.</summary>
internal sealed class WebhookNotes
{
    internal const int DetailUnitsMax = 500;
    private const int OfOneMax = 20;

    private readonly Dictionary<long, int> counts = [];
    private readonly HashSet<(long Webhook, AwaitedNumber Number)> awaited = [];
    private readonly List<(Journaled Webhook, string? Field, string Reason, string? Detail, AwaitedNumber? WaitsFor)> notes = [];

    /// <param name="reason"><c>not_json</c>, <c>no_envelope</c>, <c>unknown_number</c>, <c>unknown_template</c>, <c>unhandled_field</c>,
    /// <c>gone</c>.</param>
    /// <param name="waitsFor">What must be proven so that it can be carried out; null: it waits for nothing.</param>
    public void Add(Journaled webhook, string? field, string reason, string? detail, AwaitedNumber? waitsFor = null)
    {
        var count = counts[webhook.Id] = counts.GetValueOrDefault(webhook.Id) + 1;
        if (waitsFor is null ? count <= OfOneMax : awaited.Add((webhook.Id, waitsFor)))
        {
            notes.Add((webhook, Text.Cut(field, DetailUnitsMax), reason, Text.Cut(detail, DetailUnitsMax), waitsFor));
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
            INSERT INTO bsp.webhook_notes (journal_id, received_at, field, reason, detail, phone_number_id, waba_id, display_digits)
            SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
            """, connection)
        {
            Parameters =
            {
                new() { Value = notes.Select(n => n.Webhook.Id).ToArray() },
                    new() { Value = notes.Select(n => n.Webhook.ReceivedAt).ToArray() },
                new() { Value = notes.Select(n => n.Field).ToArray() }, new() { Value = notes.Select(n => n.Reason).ToArray() },
                new() { Value =
                    notes.Select(n => last.GetValueOrDefault(n.Webhook.Id) == n
                        ? $"{n.Detail} (and {counts[n.Webhook.Id] - OfOneMax} more of this webhook)".TrimStart() : n.Detail).ToArray() },
                new() { Value = notes.Select(n => n.WaitsFor?.PhoneNumberId).ToArray() },
                new() { Value = notes.Select(n => n.WaitsFor?.WabaId).ToArray() },
                new() { Value = notes.Select(n => n.WaitsFor?.DisplayDigits).ToArray() },
            },
        };
        await command.ExecuteNonQueryAsync(ct);
    }
}
