using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Reconciliations;

/// <summary>What one comparison of an organization's stores with its log came to.</summary>
/// <param name="Scope"><c>whole</c>: everything that is kept; <c>moved</c>: the messages of which something became known since the last
/// one.</param>
/// <param name="Status"><c>equal</c> or <c>different</c>; a store that could not be asked counts as different.</param>
/// <param name="First">The first difference by place in the log; null: there is none.</param>
/// <param name="Rows">A row a view.</param>
public sealed record ReconciliationView(Guid Id, Guid OrganizationId, string Scope, string Status, ReconciliationFault? First,
    IReadOnlyList<ReconciliationRow> Rows, DateTimeOffset StartedAt, DateTimeOffset CompletedAt);

/// <summary>One view beside the log.</summary>
/// <param name="Store"><c>postgres</c>, <c>mongo</c>, <c>redis</c>, <c>clickhouse</c> or <c>ledger</c>.</param>
/// <param name="View">What is compared: <c>messages</c>, <c>conversations</c>, <c>campaigns</c>, <c>message_analytics</c>, …</param>
/// <param name="Status"><c>equal</c>, <c>different</c>, <c>away</c> (it could not be asked), <c>absent</c> (not configured) or <c>busy</c>
/// (too much moved meanwhile to be told apart: asked again by the next one).</param>
/// <param name="Position">Up to which place in the log it was compared; null: it has none.</param>
/// <param name="Expected">Documents, rows or numbers that the log calls for.</param>
/// <param name="Found">Those that are there.</param>
/// <param name="ExpectedSum">Of their costs or amounts, whatever the currency; null: the view has none.</param>
/// <param name="ExpectedXor">XOR of their hashes, 16 hex digits.</param>
/// <param name="Days">The days that differ, the first 100.</param>
/// <param name="Detail">Why it could not be compared; null: it was.</param>
public sealed record ReconciliationRow(Guid OrganizationId, string Store, string View, string Status, string? Position, long Expected,
    long Found, decimal? ExpectedSum, decimal? FoundSum, string? ExpectedXor, string? FoundXor, IReadOnlyList<ReconciliationDay> Days,
    string? Detail = null);

/// <param name="Day">UTC, <c>yyyy-mm-dd</c>.</param>
/// <param name="ExpectedStates">Numbers by state, as <c>sent=3 delivered=2</c>.</param>
public sealed record ReconciliationDay(string Day, long Expected, long Found, string ExpectedStates, string FoundStates,
    decimal ExpectedSum, decimal FoundSum, string ExpectedXor, string FoundXor);

/// <summary>One difference.</summary>
/// <param name="Position">Place in the log of the first event that it is about; null: the log knows nothing of it.</param>
/// <param name="MessageId">Null: it is not about one message.</param>
/// <param name="Subject">What it is about otherwise: a campaign, a conversation, an entry of the ledger.</param>
/// <param name="Code"><c>store.missing</c>, <c>store.surplus</c>, <c>store.differs</c> or <c>store.away</c>.</param>
/// <param name="Detail">What the log says and what is there.</param>
public sealed record ReconciliationFault(string Store, string View, Guid OrganizationId, string? Position, string? Day, Guid? MessageId,
    string? Subject, string Code, string Detail);

/// <summary>Comparisons of the organization, newest first; the last 100 are kept.</summary>
/// <param name="Status">Only those that came to this; null: all.</param>
public sealed record ListReconciliations(Guid OrganizationId, string? Status, string? Cursor, int Limit)
    : IRequest<Page<ReconciliationView>>;

/// <exception cref="Domain.Common.Refusal"><c>reconciliation.unknown</c></exception>
public sealed record GetReconciliation(Guid OrganizationId, Guid Id) : IRequest<ReconciliationView>;

/// <summary>Words of <c>?status=</c>.</summary>
public static class ReconciliationStatus
{
    public const string Equal = "equal";
    public const string Different = "different";
    public const string Away = "away";
    public const string Absent = "absent";
    public const string Busy = "busy";
}

public sealed class ListReconciliationsValidator : AbstractValidator<ListReconciliations>
{
    public ListReconciliationsValidator() => RuleFor(q => q.Status)
        .Must(status => status is null or ReconciliationStatus.Equal or ReconciliationStatus.Different)
        .WithMessage("status must be equal or different.");
}
