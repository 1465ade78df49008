using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Ledger;

/// <summary>The organization's audits, newest first; the last hundred are kept.</summary>
public sealed record ListLedgerAudits(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<LedgerAuditView>>;

/// <summary>Money that is set aside for something that is under way.</summary>
/// <param name="Reference">Of what it is for.</param>
/// <param name="Category">message, subscription, topup or refund.</param>
/// <param name="Placed">What was set aside.</param>
/// <param name="Remaining">What of it still is.</param>
/// <param name="ExpiresAt">Then what remains is free again.</param>
public sealed record LedgerHoldView(string Reference, string Currency, string Category, decimal Placed, decimal Remaining,
    DateTimeOffset ExpiresAt, DateTimeOffset CreatedAt);

/// <summary>Open holds in the order of their references.</summary>
public sealed record ListHolds(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<LedgerHoldView>>;
