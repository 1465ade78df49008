using System.Data.Common;
using JasperFx.Events;
using Weasel.Core;

namespace Bsp.Infrastructure.EventStore.Marten;

/// <summary>
/// Tells the fence, before a number is drawn, that this transaction is about to append, and asks for the transaction's own number, by which
/// it is seen that its backend is done should the
/// connection be lost. Queued first; that it speaks of <see cref="IEvent"/> puts it among the event operations and before those of the
/// streams (a queued SQL command comes after them).
/// </summary>
internal sealed class Announcement : Weasel.Storage.IStorageOperation
{
    /// <summary>The transaction's number (<c>xid8</c>); null before it was sent.</summary>
    public string? Transaction { get; private set; }

    public Type DocumentType => typeof(IEvent);

    public OperationRole Role() => OperationRole.Events;

    public void ConfigureCommand(ICommandBuilder builder, Weasel.Storage.IStorageSession session) =>
        builder.Append("select pg_current_xact_id()::text, bsp.announce()");

    public async Task PostprocessAsync(DbDataReader reader, IList<Exception> exceptions, CancellationToken token)
    {
        await reader.ReadAsync(token);
        Transaction = reader.GetString(0);
    }
}
