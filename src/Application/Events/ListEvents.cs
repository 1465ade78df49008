using System.Text.RegularExpressions;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Audit;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Events;

/// <summary>The organization's own log, for pulling: what its webhooks would bring, and more. Personal data stays sealed.</summary>
/// <param name="Administration">With the administrative acts: only for who may read the audit trail.</param>
/// <param name="After">Exclusive; <see cref="Position.Start"/>: from the beginning.</param>
/// <param name="Limit">1–200.</param>
public sealed record ListEvents(Guid OrganizationId, LogFilter Filter, Position After, int Limit, bool Administration) : IRequest<LogSlice>;

public sealed partial class ListEventsValidator : AbstractValidator<ListEvents>
{
    private const int TypesMax = 50;
    private const int IdCharactersMax = 200;

    public ListEventsValidator()
    {
        RuleFor(q => q.Filter.Types).Must(types => types is null || (types.Count is > 0 and <= TypesMax && types.All(Name().IsMatch)))
            .OverridePropertyName("types")
            .WithMessage($"types must be at most {TypesMax} stored names with commas between, such as message_sent,message_read.");
        RuleFor(q => q.Filter.CorrelationId).Must(IsId).OverridePropertyName("correlation_id")
            .WithMessage($"correlation_id must be 1 to {IdCharactersMax} characters.");
        RuleFor(q => q.Filter.CausationId).Must(IsId).OverridePropertyName("causation_id")
            .WithMessage($"causation_id must be 1 to {IdCharactersMax} characters.");
    }

    private static bool IsId(string? id) => id is null || (id.Length is > 0 and <= IdCharactersMax && !id.Any(char.IsControl));

    [GeneratedRegex(@"^[a-z0-9_]{1,200}\z")]
    private static partial Regex Name();
}

public sealed class ListEventsHandler(IEventLog log) : IRequestHandler<ListEvents, LogSlice>
{
    // Who did what from which address, and who failed to sign in: what GET /v1/audit-trail shows to admins.
    private static readonly IReadOnlyCollection<string> Administrative = EventTypes.NamesOf<AdministrativeActDone>();

    public Task<LogSlice> Handle(ListEvents query, CancellationToken ct) =>
        log.ReadAsync(query.OrganizationId, query.Administration ? query.Filter
            : query.Filter with { Without = Administrative }, query.After, query.Limit, ct);
}
