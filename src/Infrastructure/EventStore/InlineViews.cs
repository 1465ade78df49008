using System.Collections.Frozen;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

/// <summary>The inline views and what they want.</summary>
internal sealed class InlineViews(IEnumerable<IInlineView> views)
{
    private readonly (IInlineView View, FrozenSet<string> Types)[] views = [.. views.Select(view => (view, view.EventTypes.ToFrozenSet()))];
    private readonly FrozenSet<string> types = views.SelectMany(view => view.EventTypes).ToFrozenSet();
    private readonly FrozenSet<string> guarded = views.Where(view => view.NeedsTriggers).SelectMany(view => view.EventTypes).ToFrozenSet();

    /// <summary>True when some view reads an event of these calls.</summary>
    public bool Want(IReadOnlyList<AppendCall> calls) => Any(calls, types);

    /// <summary>True when a view that reads an event of these calls writes tables with triggers or foreign keys.</summary>
    public bool NeedTriggers(IReadOnlyList<AppendCall> calls) => Any(calls, guarded);

    /// <summary>True when some view reads events of this type.</summary>
    public bool Want(string type) => types.Contains(type);

    /// <summary>Lets every view add its statements for the events it reads.</summary>
    public void AddStatements(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        foreach (var (view, wanted) in views)
        {
            var own = events.Where(stored => wanted.Contains(stored.Type)).ToList();
            if (own.Count > 0)
            {
                view.Project(own, batch);
            }
        }
    }

    private static bool Any(IReadOnlyList<AppendCall> calls, FrozenSet<string> types)
    {
        if (types.Count == 0)
        {
            return false;
        }

        foreach (var call in calls)
        {
            foreach (var stream in call.Streams)
            {
                foreach (ref readonly var pending in stream.Events.AsSpan())
                {
                    if (types.Contains(pending.Name.Alias))
                    {
                        return true;
                    }
                }
            }
        }

        return false;
    }
}
