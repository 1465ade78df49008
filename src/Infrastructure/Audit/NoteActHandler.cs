using Bsp.Application.Audit;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Audit;

/// <summary>An act in a transaction of its own. It does not mark the request's claim: the work is yet to be done.</summary>
public sealed class NoteActHandler(Shards shards, AuditLog audit) : IRequestHandler<NoteAct>
{
    public async Task<Unit> Handle(NoteAct request, CancellationToken cancellationToken)
    {
        var home = request.OrganizationId == Guid.Empty ? shards.DirectoryHome()
            : await shards.OfAsync(request.OrganizationId, cancellationToken);
        await using var transaction = await home.BeginAsync(request.OrganizationId, cancellationToken);
        await audit.NoteAsync(transaction, home, request.OrganizationId, request.Act, request.TargetType, request.TargetId,
            request.Details, cancellationToken);
        await transaction.CommitUnmarkedAsync(cancellationToken);
        return Unit.Value;
    }
}
