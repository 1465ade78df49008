using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Launches the campaign by itself at a time.</summary>
/// <param name="ScheduledAt">In the future, at most <see cref="Campaign.ScheduleDaysMax"/> days ahead; null: by a clock.</param>
/// <param name="LocalTime"><c>yyyy-MM-ddTHH:mm</c> that a clock shows; null: <paramref name="ScheduledAt"/>.</param>
/// <param name="Zone">Whose clock: <c>recipient</c>, each in their own zone; <c>organization</c> (null, too); or an IANA zone.</param>
public sealed record ScheduleCampaign(Guid OrganizationId, Guid CampaignId, DateTimeOffset? ScheduledAt, string? LocalTime = null,
    string? Zone = null, long? SeenVersion = null) : ICommandOn
{
    Guid ICommandOn.Id => CampaignId;
}

public sealed class ScheduleCampaignValidator : AbstractValidator<ScheduleCampaign>
{
    public ScheduleCampaignValidator()
    {
        RuleFor(c => c).Must(c => c.ScheduledAt is null ^ c.LocalTime is null).OverridePropertyName("scheduled_at")
            .WithMessage("Exactly one of scheduled_at and local_time must be given.");
        RuleFor(c => c.LocalTime).Must(t => t is null || ScheduleCampaignHandler.TimeOf(t) is not null)
            .WithMessage("local_time must be what a clock shows, such as 2026-12-24T10:00.");
        RuleFor(c => c.Zone).Must((c, zone) => zone is null
            || (c.LocalTime is not null && (zone is SendingHours.Recipient or SendingHours.Organization
                || RecipientZones.Find(zone) is not null)))
            .WithMessage("zone belongs to local_time and must be recipient, organization or an IANA zone such as Africa/Cairo.");
    }
}

public sealed class ScheduleCampaignHandler(IEventStore store, ICampaignReferences references, TimeProvider clock)
    : IRequestHandler<ScheduleCampaign, Done>
{
    // Clocks show a time first where they are furthest ahead, and last where they are furthest behind.
    private static readonly TimeSpan FirstAhead = TimeSpan.FromHours(14);
    private static readonly TimeSpan LastBehind = TimeSpan.FromHours(12);
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);

    public async Task<Done> Handle(ScheduleCampaign command, CancellationToken ct)
    {
        var stored = (await store.LoadAsync(command.OrganizationId, command.CampaignId, ct)).Fold<Campaign, CampaignEvent>();
        if (stored is { Status: CampaignStatus.Draft or CampaignStatus.Scheduled, Plan: { } plan })
        {
            await references.RequireParametersAsync(command.OrganizationId, plan, complete: true, ct);
        }

        var organization = command.LocalTime is not null && command.Zone is null or SendingHours.Organization
            ? await references.ZoneAsync(command.OrganizationId, ct) : null;
        return await store.Decide<Campaign, CampaignEvent>(command.OrganizationId, command.CampaignId,
            state => Decide(state, command, organization, clock.GetUtcNow()), command.SeenVersion, ct);
    }

    private static CampaignEvent[] Decide(Campaign state, ScheduleCampaign command, TimeZoneInfo? organization, DateTimeOffset now)
    {
        if (command.LocalTime is not { } text)
        {
            return Campaign.Schedule(state, command.ScheduledAt!.Value, now);
        }

        var local = TimeOf(text)!.Value;
        if (command.Zone != SendingHours.Recipient)
        {
            return Campaign.Schedule(state, LocalTimes.InstantOf(local, organization ?? RecipientZones.Find(command.Zone)!), now);
        }

        // It begins where clocks show it first; where they show it later already, at once.
        var utc = new DateTimeOffset(local, TimeSpan.Zero);
        var first = utc - FirstAhead > now + AtOnce || utc + LastBehind <= now ? utc - FirstAhead : now + AtOnce;
        return Campaign.Schedule(state, first, now, text);
    }

    /// <summary>What a clock shows; null: it is not written so.</summary>
    public static DateTime? TimeOf(string text) => DateTime.TryParseExact(text, "yyyy-MM-dd'T'HH:mm", CultureInfo.InvariantCulture,
        DateTimeStyles.None, out var time) && time.Year is > 2000 and < 9999 ? time : null;
}
