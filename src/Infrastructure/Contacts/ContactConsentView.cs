using Bsp.Application.EventStore;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;

namespace Bsp.Infrastructure.Contacts;

/// <summary>Consent on the contact's row, in the append's own transaction: a send decided after it sees it.</summary>
public sealed class ContactConsentView : IInlineView
{
    private sealed record Said(Guid ContactId, string Status, DateTimeOffset At);

    public IReadOnlyCollection<string> EventTypes { get; } = ["contact_consent_changed", "contact_consent_changed_v2"];

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        // The last word per contact counts; in the order of ids, so that two batches cannot deadlock.
        var facts = events.Where(e => Of(e.Body) is not null).GroupBy(e => e.StreamId).Select(g => g.MaxBy(e => e.Version)!)
            .OrderBy(e => e.StreamId).Select(e => Of(e.Body)!).ToList();
        batch.BatchCommands.Add(new("""
            UPDATE contacts c SET consent_status = e.status, consent_updated_at = e.at, updated_at = greatest(c.updated_at, e.at), row_version = c.row_version + 1
            FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS e (id, status, at) WHERE c.id = e.id
            """)
        {
            Parameters =
            {
                new() { Value = facts.ConvertAll(f => f.ContactId).ToArray() },
                new() { Value = facts.ConvertAll(f => f.Status).ToArray() },
                new() { Value = facts.ConvertAll(f => f.At.UtcDateTime).ToArray() },
            },
        });
    }

    private static Said? Of(object? body) => body switch
    {
        ContactConsentChanged e => new(e.ContactId, e.Status, e.At),
        ContactConsentChangedV2 e => new(e.ContactId, e.Status, e.At),
        _ => null,
    };
}
