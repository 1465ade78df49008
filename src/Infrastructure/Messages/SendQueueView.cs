using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;

namespace Bsp.Infrastructure.Messages;

/// <summary>State numbers of <c>bsp.send_queue</c>.</summary>
internal enum SendState : short
{
    Queued = 0,
    Sending = 1,
    Unknown = 2,
    Awaiting = 3,
}

/// <summary>
/// Inline view: messages on their way (<c>bsp.send_queue</c>) and Meta's ids (<c>bsp.wamids</c>), in the append's own transaction.
/// </summary>
/// <param name="timeToLive">After this long without a delivery an accepted message is taken as dropped by Meta.</param>
public sealed class SendQueueView(TimeSpan timeToLive) : IInlineView
{
    /// <summary>
    /// Meta's longest time-to-live (30 days) and an hour. Source: message_send_ttl_seconds in Meta's reference of message templates.
    /// </summary>
    public static readonly TimeSpan TimeToLiveStandard = TimeSpan.FromDays(30) + TimeSpan.FromHours(1);

    public SendQueueView()
        : this(TimeToLiveStandard)
    {
    }

    private readonly record struct Row(Guid Id, Guid Organization, MessageRef Ref, SendState State, Guid? Owner, DateTimeOffset Due,
        string? WaitsFor = null, bool Held = false);

    public IReadOnlyCollection<string> EventTypes { get; } = Application.EventStore.EventTypes.NamesOf<MessageEvent>();

    public bool NeedsTriggers => false;

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        var inserts = new Dictionary<Guid, Row>();
        var updates = new Dictionary<Guid, Row>();
        var deletes = new HashSet<Guid>();
        var accepted = new List<(string Wamid, Guid Organization, Guid Message)>();
        var returned = new List<(Guid Organization, MessageRef Ref)>();
        foreach (var stored in events)
        {
            if (stored.Body is not MessageEvent { Ref.Direction: "outbound" } message)
            {
                continue;
            }

            if (message is MessageAccepted a)
            {
                accepted.Add((MetaId.Of(a.Wamid), stored.OrganizationId, stored.StreamId));
                deletes.Remove(stored.StreamId); // closed, and taken after all: it has to end once more
            }

            if (Returns(message) && stored.Version > 1)
            {
                returned.Add((stored.OrganizationId, message.Ref));
            }

            if (Ends(message))
            {
                deletes.Add(stored.StreamId);
                updates.Remove(stored.StreamId);
                inserts.Remove(stored.StreamId);
            }
            else if (Next(stored, message) is { } row)
            {
                deletes.Remove(row.Id);
                var whole = message is MessageQueued or MessageAccepted or MessageDeferred || inserts.ContainsKey(row.Id);
                (whole ? inserts : updates)[row.Id] = row;
            }
        }

        Insert(batch, [.. inserts.Values]);
        Update(batch, [.. updates.Values.Where(row => !deletes.Contains(row.Id) && !inserts.ContainsKey(row.Id))]);
        Delete(batch, [.. deletes]);
        Accept(batch, accepted);
        Return(batch, returned);
    }

    // Nobody has got it by this message: its place under the messaging limit is free again.
    private static bool Returns(MessageEvent message) => message.Ref.Type == "template"
        && message is MessageRejected or MessageFailed or MessageCancelled or MessageDeferred { Reason: Wait.UserCap };

    private static bool Ends(MessageEvent message) =>
        message is MessageDelivered or MessageRead or MessageFailed or MessageRejected or MessageCancelled or MessageExpired or MessageUnknownClosed;

    private Row? Next(StoredEvent stored, MessageEvent message) => message switch
    {
        MessageQueued e => new(stored.StreamId, stored.OrganizationId, e.Ref, SendState.Queued, null, e.At),
        MessageSending e => new(stored.StreamId, stored.OrganizationId, e.Ref, SendState.Sending, e.Owner, e.At),
        MessageAttemptRefused e => new(stored.StreamId, stored.OrganizationId, e.Ref, SendState.Queued, null, e.RetryAt),
        MessageOutcomeUnknown e => new(stored.StreamId, stored.OrganizationId, e.Ref, SendState.Unknown, null, e.Deadline),
        MessageAccepted e =>
            new(stored.StreamId, stored.OrganizationId, e.Ref, SendState.Awaiting, null, e.At + timeToLive, Held: e.Held),
        MessageDeferred e => new(stored.StreamId, stored.OrganizationId, e.Ref, SendState.Queued, null, e.Until, e.Reason),
        _ => null,
    };

    // An accepted message mostly has its row. One that was closed as unknown, rejected or cancelled has none any more, and Meta's word that
    // it was sent after all gives it one again.
    private static void Insert(NpgsqlBatch batch, Row[] rows)
    {
        if (rows.Length == 0)
        {
            return;
        }

        batch.BatchCommands.Add(new("""
            INSERT INTO bsp.send_queue (message_id, organization_id, account_id, campaign_id, state, owner, due_at, waits_for, held)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::smallint[], $6::uuid[], $7::timestamptz[],
                                 $8::text[], $9::boolean[])
            ON CONFLICT (message_id) DO UPDATE SET state = excluded.state, owner = excluded.owner, due_at = excluded.due_at,
              waits_for = excluded.waits_for, held = excluded.held
            """)
        {
            Parameters =
            {
                Of(rows, r => r.Id), Of(rows, r => r.Organization), Of(rows, r => r.Ref.AccountId), Of(rows, r => r.Ref.CampaignId),
                Of(rows, r => (short)r.State), Of(rows, r => r.Owner), Of(rows, r => r.Due.UtcDateTime), Of(rows, r => r.WaitsFor),
                Of(rows, r => r.Held),
            },
        });
    }

    private static void Update(NpgsqlBatch batch, Row[] rows)
    {
        if (rows.Length == 0)
        {
            return;
        }

        batch.BatchCommands.Add(new("""
            UPDATE bsp.send_queue q SET state = u.state, owner = u.owner, due_at = u.due_at, waits_for = NULL
              FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::timestamptz[]) u (id, state, owner, due_at) WHERE q.message_id = u.id
            """)
        {
            Parameters = { Of(rows, r => r.Id), Of(rows, r => (short)r.State), Of(rows, r => r.Owner), Of(rows, r => r.Due.UtcDateTime) },
        });
    }

    private static void Delete(NpgsqlBatch batch, Guid[] ids)
    {
        if (ids.Length > 0)
        {
            batch.BatchCommands.Add(
                new("DELETE FROM bsp.send_queue WHERE message_id = ANY ($1)") { Parameters = { new() { Value = ids } } });
        }
    }

    // Of a number that is not limited nobody has a place.
    private static void Return(NpgsqlBatch batch, List<(Guid Organization, MessageRef Ref)> rows)
    {
        if (rows.Count > 0)
        {
            batch.BatchCommands.Add(new("""
                INSERT INTO bsp.reach_returns (organization_id, portfolio, contact_id, message_id)
                SELECT u.organization, bsp.portfolio_of(o.meta_business_id, a.meta_waba_id), u.contact, u.message
                  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) u (organization, account, contact, message)
                  JOIN whatsapp_accounts a ON a.id = u.account AND a.messaging_limit <> 2147483647
                  JOIN organizations o ON o.id = a.organization_id AND o.id = u.organization
                """)
            {
                Parameters =
                {
                    Of(rows, r => r.Organization), Of(rows, r => r.Ref.AccountId), Of(rows, r => r.Ref.ContactId),
                    Of(rows, r => r.Ref.MessageId),
                },
            });
        }
    }

    private static void Accept(NpgsqlBatch batch, List<(string Wamid, Guid Organization, Guid Message)> rows)
    {
        if (rows.Count > 0)
        {
            batch.BatchCommands.Add(
                new("INSERT INTO bsp.wamids (wamid, organization_id, message_id) SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[]) ON CONFLICT (organization_id, wamid) DO NOTHING")
            {
                Parameters = { Of(rows, r => r.Wamid), Of(rows, r => r.Organization), Of(rows, r => r.Message) },
            });
        }
    }

    private static NpgsqlParameter Of<TRow, TValue>(IReadOnlyCollection<TRow> rows, Func<TRow, TValue> value) =>
        new() { Value = rows.Select(value).ToArray() };
}
