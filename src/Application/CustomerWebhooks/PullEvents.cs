using Bsp.Application.Common;
using Bsp.Application.EventStore;
using FluentValidation;
using MediatR;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>What is told of facts, with what is sealed in them opened, or left out where the person was erased.</summary>
public interface IPublicEvents
{
    /// <summary>In the order of the facts; facts of which nothing is told are left out.</summary>
    Task<IReadOnlyList<PublicEvent>> OfAsync(Guid organizationId, IReadOnlyList<StoredEvent> facts, CancellationToken ct);
}

/// <summary>A run of public events.</summary>
/// <param name="UpTo">Where to go on.</param>
/// <param name="More">There is more already.</param>
public sealed record PublicSlice(IReadOnlyList<PublicEvent> Events, Position UpTo, bool More);

/// <summary>The same events that endpoints are told of, for pulling: same ids, same bodies, same order.</summary>
/// <param name="Types">Types, families or <c>*</c>; null: all.</param>
/// <param name="Administration">With account.* and webhook.*, which are made of administrative acts: for admins.</param>
public sealed record PullEvents(Guid OrganizationId, IReadOnlyList<string>? Types, Position After, int Limit, bool Administration)
    : IRequest<PublicSlice>;

public sealed class PullEventsValidator : AbstractValidator<PullEvents>
{
    public PullEventsValidator() =>
        RuleFor(q => q.Types).Must(types => types is null || (types.Count is > 0 and <= 50 && types.All(PublicEvents.IsSubscription)))
        .OverridePropertyName("types")
        .WithMessage("types must be at most 50 types of docs/webhooks.md with commas between, such as message.sent,campaign.*");
}

public sealed class PullEventsHandler(IEventLog log, IPublicEvents events) : IRequestHandler<PullEvents, PublicSlice>
{
    private static readonly IReadOnlyCollection<string> Administrative = EventTypes.NamesOf<Domain.Audit.AdministrativeActDone>();

    public async Task<PublicSlice> Handle(PullEvents query, CancellationToken ct)
    {
        IReadOnlyList<string> subscriptions = query.Types ?? ["*"];
        var filter = new LogFilter(PublicEvents.StoredOf(subscriptions), Without: query.Administration ? null : Administrative);
        var slice = await log.ReadAsync(query.OrganizationId, filter, query.After, query.Limit, ct);
        var told = await events.OfAsync(query.OrganizationId, slice.Events, ct);
        return new([.. told.Where(e => PublicEvents.Matches(subscriptions, e.Type))], slice.UpTo, slice.More);
    }
}
