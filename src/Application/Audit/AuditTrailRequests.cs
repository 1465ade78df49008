using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Audit;

/// <summary>One administrative act.</summary>
/// <param name="Actor">A key's prefix, a user's id, <c>platform</c> or <c>anonymous</c>.</param>
/// <param name="Type"><c>user.created</c>, <c>api_key.revoked</c>, …</param>
/// <param name="Address">Where the request came from; null: not over the network.</param>
/// <param name="Changed">Names of the changed fields, never their values; empty: the type says all.</param>
public sealed record AuditEntry(Guid Id, DateTimeOffset At, string Actor, string Type, string? Address, string TargetType, Guid? TargetId,
    IReadOnlyList<string> Changed);

/// <summary>Administrative acts, newest first.</summary>
/// <param name="OrganizationId">All zeros: the platform's own acts.</param>
/// <param name="Actor">Exactly this one; null: all.</param>
/// <param name="Type">Exactly this one; null: all.</param>
/// <param name="From">Inclusive; null: from the beginning.</param>
/// <param name="To">Exclusive; null: until now.</param>
public sealed record ListAuditTrail(Guid OrganizationId, string? Actor, string? Type, DateTimeOffset? From, DateTimeOffset? To,
    string? Cursor, int Limit) : IRequest<Page<AuditEntry>>;

public sealed class ListAuditTrailValidator : AbstractValidator<ListAuditTrail>
{
    public ListAuditTrailValidator()
    {
        RuleFor(q => q.Actor).MaximumLength(200);
        RuleFor(q => q.Type).MaximumLength(200);
        RuleFor(q => q.To).Must((q, to) => to is null || q.From is null || to > q.From).WithMessage("must be later than from.");
    }
}
