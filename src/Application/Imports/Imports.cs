using Bsp.Application.Common;
using Bsp.Application.Contacts;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Imports;

/// <summary>
/// Takes in a CSV file of contacts: reads it to its end into a staging table, in constant memory, and answers when all of it is committed;
/// a worker carries it into the contacts.
/// A file that cannot be read as a whole is refused (<c>import.…</c>) and leaves nothing behind.
/// </summary>
/// <param name="Csv">UTF-8, a header line first.</param>
/// <param name="Source">Who says that these people agreed; for consent given in the file.</param>
/// <param name="Proof">What shows it; null when there is nothing.</param>
/// <param name="Delimiter">',' ';' or tab.</param>
public sealed record ImportContacts(Guid OrganizationId, Stream Csv, string Source, string? Proof, char Delimiter) : ICommand
{
    /// <summary>How the file's columns are to be read.</summary>
    public ImportMapping Mapping { get; init; } = ImportMapping.None;
}

public sealed class ImportContactsValidator : AbstractValidator<ImportContacts>
{
    public ImportContactsValidator()
    {
        RuleFor(i => new Consent("PENDING", i.Source, i.Proof)).SetValidator(new ConsentValidator()).OverridePropertyName("");
        RuleFor(i => i.Delimiter).Must(d => d is ',' or ';' or '\t').OverridePropertyName("delimiter")
            .WithErrorCode("import.delimiter_invalid").WithMessage("The delimiter is a comma, a semicolon or tab.");
    }
}

/// <param name="Status"><c>queued</c>, <c>running</c>, <c>completed</c> or <c>failed</c> (<paramref name="Error"/> says why).</param>
/// <param name="Total">Rows of the file without its header; <paramref name="Done"/> = created + updated + duplicates + rejected.</param>
/// <param name="Duplicates">Rows whose contact stood in the same file before; the last one wins.</param>
/// <param name="RejectedUrl">CSV of the bad rows with line, column and reason; null when their time is over (<see cref="RejectsKeptDays"/>
/// after the import ended).</param>
public sealed record ImportView(Guid Id, string Status, int Total, int Done, int Created, int Updated, int Duplicates, int Rejected,
    string? RejectedUrl, string FileSha256, string Source, string? Proof,
    string? Error, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? CompletedAt)
{
    /// <summary>
    /// Days that bad rows are kept, as long as the specification keeps its logs (§6): they are people's data that nobody has consented to.
    /// </summary>
    public const int RejectsKeptDays = 30;
}

/// <summary>How far an import is; refused with <c>import.unknown</c>.</summary>
public sealed record GetImport(Guid OrganizationId, Guid ImportId) : IRequest<ImportView>;

/// <param name="Row">Of the file, from 1, without the header; the cursor of the next page.</param>
/// <param name="Line">In the file, from 1.</param>
/// <param name="Column">Null: the row as a whole.</param>
/// <param name="Fields">As they were read.</param>
public sealed record RejectedRow(int Row, int Line, string? Column, string Reason, IReadOnlyList<string> Fields);

/// <param name="Columns">The file's header.</param>
public sealed record RejectedRows(IReadOnlyList<string> Columns, IReadOnlyList<RejectedRow> Rows);

/// <summary>
/// Bad rows of an import, in file order; refused with <c>import.unknown</c>, and with <c>import_rejects.unknown</c> when their time is
/// over.
/// </summary>
/// <param name="AfterRow">0: from the first.</param>
/// <param name="Limit">1–5,000.</param>
public sealed record ListRejectedRows(Guid OrganizationId, Guid ImportId, int AfterRow, int Limit) : IRequest<RejectedRows>;
