using Bsp.Application.EventStore;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Rows that decisions or uniqueness need at once: written in the append's own transaction.</summary>
public interface IInlineView
{
    /// <summary>Stored names it reads.</summary>
    IReadOnlyCollection<string> EventTypes { get; }

    /// <summary>
    /// False only when the tables it writes have neither triggers nor foreign keys: a lane may then leave both out (docs/decisions/0125).
    /// </summary>
    bool NeedsTriggers => true;

    /// <summary>
    /// Adds set-based statements for these events (all of its types, of one or several organizations; <c>bsp.tenants</c> is set).
    /// </summary>
    void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch);
}
