using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Carter;

namespace Bsp.Api.Campaigns;

/// <param name="AudienceSegment">Exactly one of <c>{"all":true}</c>, <c>{"list_ids":[…]}</c>, <c>{"contact_ids":[…]}</c>,
/// <c>{"filter":{…}}</c>.</param>
/// <param name="Type">BROADCAST (default), SCHEDULED or TRIGGERED.</param>
/// <param name="Metadata">Any object; its <c>template_parameters</c> fill the template.</param>
/// <param name="OnLimit">Those beyond the messaging limit: <c>wait</c> for room (default), or <c>skip</c> them.</param>
/// <param name="SendUntil">Nobody is sent to afterwards, with offset or Z; null: no such end.</param>
/// <param name="Trigger">Of a TRIGGERED campaign: what makes it send to somebody; null: <c>POST …/trigger</c> alone.</param>
/// <param name="ErrorBudget">Beyond which failures it pauses; null: the organization's setting <c>campaign_error_budget</c>, else half
/// of at
/// least 1,000.</param>
/// <param name="SendingHours">When it may send; null: the organization's setting <c>campaign_sending_hours</c>; <c>{}</c>: at any time.
/// </param>
/// <param name="Variants">2–10 templates of one category, the campaign's own among them, each for its share; null: its own for all.</param>
public sealed record CampaignRequest(string Name, Guid TemplateId, Guid AccountId, JsonElement AudienceSegment, string? Description = null,
    string? Type = null, JsonElement? Metadata = null, string? OnLimit = null, DateTimeOffset? SendUntil = null,
    CampaignTrigger? Trigger = null, ErrorBudget? ErrorBudget = null, SendingHours? SendingHours = null,
    IReadOnlyList<CampaignVariant>? Variants = null);

/// <summary>JSON merge patch: what is absent stays.</summary>
public sealed record CampaignPatch(Optional<string> Name, Optional<string?> Description, Optional<Guid> TemplateId,
    Optional<Guid> AccountId, Optional<JsonElement> AudienceSegment, Optional<JsonElement?> Metadata, Optional<string> OnLimit,
    Optional<DateTimeOffset?> SendUntil, Optional<CampaignTrigger?> Trigger, Optional<ErrorBudget?> ErrorBudget,
    Optional<SendingHours?> SendingHours, Optional<IReadOnlyList<CampaignVariant>?> Variants);

/// <param name="ScheduledAt">In the future, with offset or Z; or <paramref name="LocalTime"/>.</param>
/// <param name="LocalTime">What a clock shows, <c>2026-12-24T10:00</c>.</param>
/// <param name="Zone">Whose clock: <c>recipient</c>, <c>organization</c> (default), or an IANA zone.</param>
public sealed record ScheduleRequest(DateTimeOffset? ScheduledAt = null, string? LocalTime = null, string? Zone = null);

/// <param name="Reason">1–200 characters; null takes "by request".</param>
public sealed record ReasonRequest(string? Reason = null);

/// <summary>A campaign as the contract shows it: the specification's columns.</summary>
public sealed record CampaignResponse(Guid Id, Guid OrganizationId, Guid TemplateId, Guid AccountId, string Name, string? Description,
    string Type, string Status, JsonElement AudienceSegment,
    int TotalRecipients, int SentCount, int DeliveredCount, int ReadCount, int FailedCount, DateTimeOffset? ScheduledAt,
    DateTimeOffset? StartedAt, DateTimeOffset? CompletedAt,
    JsonElement? Metadata, string? PauseReason, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary><c>wait</c> or <c>skip</c>: what becomes of those beyond the messaging limit.</summary>
    public string OnLimit { get; init; } = "wait";

    /// <summary>Nobody is sent to afterwards; null: no such end.</summary>
    public DateTimeOffset? SendUntil { get; init; }

    /// <summary>What the campaign waits for (<c>waiting_for_limit</c>, <c>waiting_for_template</c>); null: nothing.</summary>
    public string? WaitsFor { get; init; }

    /// <summary>When it is expected to go on; null: it waits for nothing, or that is not known.</summary>
    public DateTimeOffset? WaitsUntil { get; init; }

    /// <summary>What makes it send to somebody; null: it is not TRIGGERED, or by its route alone.</summary>
    public CampaignTrigger? Trigger { get; init; }

    /// <summary>Beyond which failures it pauses; null: the organization's, else the product's.</summary>
    public ErrorBudget? ErrorBudget { get; init; }

    /// <summary>When it may send; null: the organization's.</summary>
    public SendingHours? SendingHours { get; init; }

    /// <summary>Several templates, each for its share; null: the campaign's own for all.</summary>
    public IReadOnlyList<CampaignVariant>? Variants { get; init; }

    /// <summary>What the recipients' own clocks show when they are sent to; null: no matter.</summary>
    public string? LocalTime { get; init; }

    /// <summary>The campaign whose failed members these are; null: it is no retry.</summary>
    public Guid? RetryOf { get; init; }

    /// <summary>Campaigns that retry its failed members, oldest first.</summary>
    public IReadOnlyList<Guid> Retries { get; init; } = [];
}

public sealed class CampaignProfile : AutoMapper.Profile
{
    public CampaignProfile() => CreateMap<CampaignView, CampaignResponse>();
}

public sealed class CampaignEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var campaigns = app.MapGroup("/v1/campaigns").WithTags("Campaigns");
        campaigns.MapPost("", Create)
            .Describe("Plans a campaign; nothing is sent before it is launched.", "template.unknown", "account.unknown", "list.unknown",
                "contact.unknown", "filter.invalid", "campaign.template_of_other_account", "campaign.template_parameters",
                "campaign.audience_fixed", "list.filtered", "campaign.variants_of_several_categories").Produces<CampaignResponse>(201);
        campaigns.MapGet("", List).Describe("The organization's campaigns, oldest first; ?order=newest: newest first.", "request.invalid")
            .Produces<ListResponse<CampaignResponse>>();
        campaigns.MapGet("{id:guid}", Get).Describe("One campaign.", "campaign.unknown").Produces<CampaignResponse>();
        campaigns.MapPatch("{id:guid}", Patch)
            .Describe("Changes a campaign that has not been launched (JSON merge patch).", "campaign.unknown", "campaign.not_editable",
                "template.unknown", "campaign.template_parameters", "campaign.audience_fixed", "list.unknown", "list.filtered",
                "campaign.variants_of_several_categories")
            .Produces<CampaignResponse>();
        campaigns.MapPost("{id:guid}/estimate", Estimate)
            .Describe("Whom it would reach now, whom it would skip and why, and how long sending would take. Cost, currency, budget and what is missing are null as long as nothing is billed.", "campaign.unknown", "account.unknown").Produces<CampaignForecast>();
        campaigns.MapPost("{id:guid}/schedule", Schedule)
            .Describe("Launches it by itself at a time.", "campaign.unknown", "campaign.not_schedulable", "campaign.schedule_out_of_range",
                "campaign.template_parameters").Produces<CampaignResponse>();
        campaigns.MapPost("{id:guid}/launch", Launch)
            .Describe("Freezes the audience and starts sending.", "campaign.unknown", "campaign.not_launchable",
                "campaign.template_not_approved", "campaign.account_not_connected", "organization.suspended",
                "campaign.template_parameters", "campaign.send_until_passed", "wallet.insufficient",
                "rate_card.missing").Produces<CampaignResponse>();
        campaigns.MapPost("{id:guid}/pause", Pause)
            .Describe("Stops sending; at most the messages of the moment still leave.", "campaign.unknown", "campaign.not_running")
            .Produces<CampaignResponse>();
        campaigns.MapPost("{id:guid}/resume", Resume)
            .Describe("Goes on where it was paused. What was set aside for it is raised when what is left became dearer.",
                "campaign.unknown", "campaign.not_paused", "campaign.template_parameters", "campaign.template_not_approved",
                "wallet.insufficient")
            .Produces<CampaignResponse>();
        campaigns.MapPost("{id:guid}/cancel", Cancel)
            .Describe("Ends it for good; people not yet sent to are cancelled.", "campaign.unknown", "campaign.ended")
            .Produces<CampaignResponse>();
        campaigns.MapGet("{id:guid}/events", Events)
            .Describe("The campaign's own log; ?as_of= (a time, or a position) shows it as it was.", "campaign.unknown")
            .Produces<ListResponse<StoredFact>>();
        campaigns.MapGet("{id:guid}/progress", Progress).Describe("How far it is.", "campaign.unknown", "view.behind")
            .Produces<CampaignProgress>();
        campaigns.MapGet("{id:guid}/progress/stream", Stream).WithMetadata(new LongAnswer(LongAnswers.Stream))
            .Describe("The same as server-sent events, one whenever it changes, until the campaign ends.", "campaign.unknown")
            .Produces(200, contentType: "text/event-stream");
        campaigns.MapGet("{id:guid}/recipients", Recipients)
            .Describe("Members of the frozen audience with their states; ?status= keeps one state.", "campaign.unknown")
            .Produces<ListResponse<Recipient>>();
        campaigns.MapGet("{id:guid}/recipients/{contactId:guid}/why", Why)
            .Describe("Everything known about why this person got it, or did not.", "recipient.unknown").Produces<RecipientWhy>();
    }

    private static async Task<IResult> Create(CampaignRequest body, Call call)
    {
        var done = await call.Send(new CreateCampaign(call.OrganizationId, body.Name, body.Description, body.Type
            ?? "BROADCAST", body.TemplateId, body.AccountId, body.AudienceSegment, body.Metadata)
            { OnLimit = body.OnLimit, SendUntil = body.SendUntil,
                Options = new() { Trigger = body.Trigger, ErrorBudget = body.ErrorBudget, Hours = body.SendingHours,
                    Variants = body.Variants } });
        var view = await Find(call, done.Id);
        return call.Created($"/v1/campaigns/{done.Id}", call.Map<CampaignResponse>(view), view.Version);
    }

    private static async Task<IResult> List(string? status, string? order, Paging paging, Call call) =>
        call.Page<CampaignView, CampaignResponse>(await call.Send(new ListCampaigns(call.OrganizationId, status, paging.Limit,
            paging.Cursor) { NewestFirst = ListOrder.IsNewestFirst(order) }));

    private static async Task<IResult> Get(Guid id, MinPosition min, Call call)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.CampaignCounters, call.OrganizationId, call.Aborted);
        return await Whole(id, call);
    }

    private static async Task<IResult> Patch(Guid id, CampaignPatch body, IfMatch seen, Call call)
    {
        await call.Send(new ChangeCampaign(call.OrganizationId, id, plan => Apply(plan, body), seen.Version));
        return await Whole(id, call);
    }

    private static async Task<IResult> Estimate(Guid id, Call call) =>
        TypedResults.Ok(await call.Send(new EstimateCampaign(call.OrganizationId, id)));

    private static async Task<IResult> Schedule(Guid id, ScheduleRequest body, IfMatch seen, Call call)
    {
        await call.Send(new ScheduleCampaign(call.OrganizationId, id, body.ScheduledAt, body.LocalTime, body.Zone, seen.Version));
        return await Whole(id, call);
    }

    private static async Task<IResult> Launch(Guid id, IfMatch seen, Call call)
    {
        await call.Send(new LaunchCampaign(call.OrganizationId, id, seen.Version));
        return await Whole(id, call);
    }

    private static async Task<IResult> Pause(Guid id, ReasonRequest? body, IfMatch seen, Call call)
    {
        await call.Send(new PauseCampaign(call.OrganizationId, id, body?.Reason ?? "by request", seen.Version));
        return await Whole(id, call);
    }

    private static async Task<IResult> Resume(Guid id, IfMatch seen, Call call)
    {
        await call.Send(new ResumeCampaign(call.OrganizationId, id, seen.Version));
        return await Whole(id, call);
    }

    private static async Task<IResult> Cancel(Guid id, ReasonRequest? body, IfMatch seen, Call call)
    {
        await call.Send(new CancelCampaign(call.OrganizationId, id, body?.Reason ?? "by request", seen.Version));
        return await Whole(id, call);
    }

    private static async Task<IResult> Events(Guid id, Moment asOf, Call call) =>
        TypedResults.Ok(new ListResponse<StoredFact>(await call.Send(new GetCampaignEvents(call.OrganizationId, id, asOf.Value))
            ?? throw Problem.Unknown("campaign"), null));

    private static async Task<IResult> Progress(Guid id, MinPosition min, Call call)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.CampaignProgress, call.OrganizationId, call.Aborted);
        return TypedResults.Ok(await call.Send(new GetCampaignProgress(call.OrganizationId, id))
            ?? throw Problem.Unknown("campaign"));
    }

    private static async Task<IResult> Stream(Guid id, Call call)
    {
        _ = await call.Send(new GetCampaignProgress(call.OrganizationId, id)) ?? throw Problem.Unknown("campaign");
        return new EventItems<CampaignProgress>(ProgressStream.Follow(call.OrganizationId, id, call.Mediator, Permission.Of(call.Context),
            ProgressStream.LastSeen(call.Context), call.Aborted));
    }

    private static async Task<IResult> Recipients(Guid id, string? status, Paging paging, Call call) =>
        call.Page(await call.Send(new ListRecipients(call.OrganizationId, id, status, paging.Limit, paging.Cursor)));

    private static async Task<IResult> Why(Guid id, Guid contactId, Call call) =>
        TypedResults.Ok(await call.Send(new GetRecipientWhy(call.OrganizationId, id, contactId))
            ?? throw Problem.Unknown("recipient"));

    private static async Task<IResult> Whole(Guid id, Call call)
    {
        var view = await Find(call, id);
        return call.Ok(call.Map<CampaignResponse>(view), view.Version);
    }

    internal static async Task<CampaignView> Find(Call call, Guid id) =>
        await call.Send(new GetCampaign(call.OrganizationId, id)) ?? throw Problem.Unknown("campaign");

    private static CampaignPlan Apply(CampaignPlan plan, CampaignPatch patch) => new(
        patch.Name.IsSet ? patch.Name.Value : plan.Name, patch.Description.IsSet ? patch.Description.Value : plan.Description,
        patch.TemplateId.IsSet ? patch.TemplateId.Value : plan.TemplateId, patch.AccountId.IsSet ? patch.AccountId.Value : plan.AccountId,
        patch.AudienceSegment.IsSet ? patch.AudienceSegment.Value : plan.AudienceSegment, patch.Metadata.IsSet ? patch.Metadata.Value
        : plan.Metadata)
    {
        SkipsBeyondLimit = !patch.OnLimit.IsSet ? plan.SkipsBeyondLimit : patch.OnLimit.Value switch
        {
            CampaignPlan.Skip => true,
            "wait" => false,
            _ => throw Problem.Field("request.on_limit", "on_limit", "must be wait or skip."),
        },
        SendUntil = patch.SendUntil.IsSet ? patch.SendUntil.Value?.ToUniversalTime() : plan.SendUntil,
        Options = (plan.Options ?? new()) with
        {
            Trigger = patch.Trigger.IsSet ? patch.Trigger.Value : plan.Options?.Trigger,
            ErrorBudget = patch.ErrorBudget.IsSet ? patch.ErrorBudget.Value : plan.Options?.ErrorBudget,
            Variants = patch.Variants.IsSet ? patch.Variants.Value : plan.Options?.Variants,
            Hours = patch.SendingHours.IsSet ? patch.SendingHours.Value : plan.Options?.Hours,
        },
    };
}
