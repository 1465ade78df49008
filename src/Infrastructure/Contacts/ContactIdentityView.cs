using Bsp.Application.EventStore;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// A merge or an erasure on the tables, in the append's own transaction: there is no moment at which the log and the rows disagree about
/// who is who.
/// </summary>
public sealed class ContactIdentityView : IInlineView
{
    public IReadOnlyCollection<string> EventTypes { get; } = ["contact_merged", "contact_erased"];

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        foreach (var stored in events)
        {
            switch (stored.Body)
            {
                case ContactMerged e:
                    batch.BatchCommands.Add(new("""
                        SELECT set_config('bsp.no_causes', 'on', true), bsp.merge_contacts($1, $2, $3, $4),
                               set_config('bsp.no_causes', '', true)
                        """)
                    {
                        Parameters =
                            { new() { Value = stored.OrganizationId }, new() { Value = e.ContactId }, new() { Value = e.AbsorbedId },
                                new() { Value = e.At.UtcDateTime } },
                    });
                    break;
                case ContactErased e:
                    batch.BatchCommands.Add(
                        new("SELECT bsp.erase_contacts($1, $2)") { Parameters =
                            { new() { Value = stored.OrganizationId }, new() { Value = e.ContactIds.ToArray() } } });
                    break;
            }
        }
    }
}
