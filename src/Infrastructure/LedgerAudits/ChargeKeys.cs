using System.Text.RegularExpressions;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>
/// That each row of <c>charges</c> lies under the key that its entry's reference gives: under another one the same thing could be posted
/// once more. Keys of single messages are compared by the database; of the others the UUIDv5 is computed here.
/// </summary>
internal static partial class ChargeKeys
{
    // Rows of which a look does not tell that they are right: all but those of messages to one person.
    private const string Unclear = """
        SELECT t.id, t.currency, to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM'), t.sequence, c.reference, c.kind, t.category, t.type,
               coalesce(t.reference_id, ''), t.metadata ->> 'kind'
          FROM public.transactions t JOIN bsp.charges c ON c.organization_id = t.organization_id AND c.entry_id = t.id
         WHERE t.organization_id = $1
           AND NOT (t.category = 'message' AND c.reference::text IS NOT DISTINCT FROM t.metadata ->> 'message_id'
                    AND c.kind = CASE t.type WHEN 'refund' THEN 'message_refund' ELSE 'message' END
                                 || coalesce('_' || substring(t.reference_id FROM '#([0-9]+)$'), ''))
         ORDER BY t.id
        """;

    /// <returns>The first row under another key; null: all are right.</returns>
    public static async Task<LedgerFault?> FirstAsync(AuditSnapshot snapshot, Guid organizationId, CancellationToken ct)
    {
        LedgerFault? first = null;
        await snapshot.EachAsync(Unclear, r =>
        {
            var key = new ChargeKey(r.GetGuid(4), r.GetString(5));
            var adjusts = !r.IsDBNull(9) && r.GetString(9) == "adjustment";
            if (Expected(r.GetString(6), r.GetString(7), r.GetString(8), adjusts) != key)
            {
                first = new(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetInt64(3), "charge.differs",
                    "The row of an entry in charges lies under another reference or kind than the entry's: it could be posted again.");
            }

            return first is null;
        }, ct, organizationId);
        return first;
    }

    private static ChargeKey? Expected(string category, string type, string reference, bool adjusts) => category switch
    {
        EntryCategories.Topup => new(Uuid.Of($"topup/{reference}"), "topup"),
        EntryCategories.Subscription => new(Uuid.Of(reference), "subscription"),
        EntryCategories.Refund when adjusts => new(Uuid.Of($"adjustment/{reference}"), "adjustment"),
        EntryCategories.Refund => new(Uuid.Of($"refund/{reference}"), "refund"),
        _ => OfMessage(type, reference),
    };

    // message/{id}, of a group message/{id}/{participant}, the second one of it with #2.
    private static ChargeKey? OfMessage(string type, string reference)
    {
        var parts = Message().Match(reference);
        if (!parts.Success || !Guid.TryParseExact(parts.Groups[2].Value, "D", out var message))
        {
            return null;
        }

        var kind = type == EntryTypes.Refund ? "message_refund" : "message";
        return new(parts.Groups[3].Success ? Uuid.Of(parts.Groups[1].Value) : message,
            parts.Groups[4].Success ? $"{kind}_{parts.Groups[4].Value}" : kind);
    }

    [GeneratedRegex(@"\A(message/([0-9a-f-]{36})(?:/([^#]+))?)(?:#([0-9]{1,9}))?\z")]
    private static partial Regex Message();
}
