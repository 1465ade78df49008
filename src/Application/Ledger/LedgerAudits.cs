using System.Globalization;
using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Ledger;

/// <summary>The first thing that is not as it must be.</summary>
/// <param name="Entry">Id of the entry; null: it is about a month, or about what is missing.</param>
/// <param name="Code"><c>entry.altered</c>, <c>entry.missing</c>, <c>table.differs</c>, …: all of them in docs/ledger.md.</param>
/// <param name="Detail">A sentence: what is wrong, and where.</param>
public sealed record LedgerFault(Guid? Entry, string? Currency, string? Month, long? Sequence, string Code, string Detail);

/// <summary>What was compared with what.</summary>
/// <param name="Result"><c>passed</c>, <c>failed</c>, <c>behind</c> (a view has not caught up with the log: nothing is said about it),
/// <c>absent</c> (there is nothing to compare with), <c>not_checked</c> (a store could not be asked: the detail says why).</param>
public sealed record LedgerCheck(string Name, string Result, long Items, string? Detail)
{
    /// <summary>Result of a check that could not be made: nothing is said about what it is of.</summary>
    public const string NotChecked = "not_checked";
}

/// <summary>An audit of an organization's ledger.</summary>
/// <param name="Status"><c>running</c>, <c>passed</c>, <c>failed</c>.</param>
/// <param name="Entries">Checked so far.</param>
/// <param name="Error">Why it could not be carried out; null: it was, or is.</param>
public sealed record LedgerAuditView(Guid Id, string Status, string? From, string? To, long Entries, int Months, LedgerFault? FirstFault,
    IReadOnlyList<LedgerCheck> Checks, string? Error,
    DateTimeOffset CreatedAt, DateTimeOffset? CompletedAt)
{
    /// <summary>Names of the checks of which nothing is said, because a store could not be asked.</summary>
    public IReadOnlyList<string> NotChecked =>
        [.. Checks.Where(check => check.Result == LedgerCheck.NotChecked).Select(check => check.Name)];
}

/// <summary>Has the organization's ledger replayed from zero. While one is under way, another is refused with
/// <c>audit.running</c>.</summary>
/// <param name="From">First month, <c>yyyy-mm</c>, inclusive; null: from the beginning.</param>
/// <param name="To">Last month, inclusive; null: to the end.</param>
public sealed record StartLedgerAudit(Guid OrganizationId, string? From, string? To) : ICommand;

public sealed class StartLedgerAuditValidator : AbstractValidator<StartLedgerAudit>
{
    public StartLedgerAuditValidator()
    {
        RuleFor(a => a.From).Must(m => m is null || LedgerMonth.Is(m)).WithMessage("must be a month such as 2026-10, or null.");
        RuleFor(a => a.To).Must(m => m is null || LedgerMonth.Is(m)).WithMessage("must be a month such as 2026-10, or null.");
        RuleFor(a => a.To).Must((a, to) => a.From is null || to is null || string.CompareOrdinal(to, a.From) >= 0)
            .WithMessage("must not lie before from.");
    }
}

/// <exception cref="Domain.Common.Refusal"><c>audit.unknown</c></exception>
public sealed record GetLedgerAudit(Guid OrganizationId, Guid Id) : IRequest<LedgerAuditView>;

/// <summary>Calendar months as the ledger names them.</summary>
public static class LedgerMonth
{
    /// <summary>It is <c>yyyy-mm</c>.</summary>
    public static bool Is(string text) => TryParse(text, out _);

    /// <summary>The month's first day.</summary>
    public static bool TryParse(string text, out DateOnly first) =>
        DateOnly.TryParseExact(text.Length == 7 ? text + "-01" : "", "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None,
            out first);

    public static string Of(DateOnly day) => day.ToString("yyyy-MM", CultureInfo.InvariantCulture);
}
