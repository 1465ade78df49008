using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Campaigns;
using Carter;

namespace Bsp.Api.Campaigns;

/// <param name="Reference">Your name of what happened (an order's number), 1–100 characters: the same again for the same person sends
/// nothing.</param>
/// <param name="ContactId">Whom; or <paramref name="To"/>.</param>
/// <param name="To">E.164, or a business-scoped user id; somebody new becomes a contact.</param>
/// <param name="TemplateParameters">Instead of the campaign's; null: the campaign's.</param>
public sealed record TriggerRequest(string Reference, Guid? ContactId = null, string? To = null, JsonElement? TemplateParameters = null);

/// <param name="ContactIds">1–20.</param>
public sealed record TestRequest(IReadOnlyList<Guid> ContactIds);

/// <summary>Sends of campaigns beside the launch: to one person, to the failed once more, to try it out.</summary>
public sealed class CampaignSendsEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var campaigns = app.MapGroup("/v1/campaigns").WithTags("Campaigns");
        campaigns.MapPost("{id:guid}/trigger", Trigger)
            .Describe("Sends a running TRIGGERED campaign to one person, once for each reference of theirs. outcome: queued, skipped "
                + "(the recipient says why), cooldown, outside (not of its audience).",
                "campaign.unknown", "campaign.not_triggered", "campaign.not_running", "campaign.send_until_passed",
                "campaign.template_not_approved", "campaign.template_parameters", "contact.unknown", "message.recipient_invalid",
                "wallet.insufficient", "rate_card.missing").Produces<Fired>();
        campaigns.MapPost("{id:guid}/retry", Retry)
            .Describe("Makes a draft of those who failed and are in no other retry. While it is a draft, the same one is answered, "
                + "with who failed since; afterwards a further one, if anybody did.",
                "campaign.unknown", "campaign.not_retryable", "campaign.nothing_to_retry").Produces<CampaignResponse>(201);
        campaigns.MapPost("{id:guid}/test", Test)
            .Describe("Sends it to a few named contacts before its launch: single messages, charged and counted as such. One that cannot "
                + "be sent says why; the others are.",
                "campaign.unknown", "contact.unknown", "campaign.launched", "campaign.template_not_approved",
                    "campaign.account_not_connected",
                "campaign.template_parameters", "organization.suspended").Produces<ListResponse<TestSend>>();
    }

    private static async Task<IResult> Trigger(Guid id, TriggerRequest body, Call call) => TypedResults.Ok(await call.Send(
        new TriggerCampaign(call.OrganizationId, id, body.ContactId, body.To, body.Reference, body.TemplateParameters)));

    private static async Task<IResult> Retry(Guid id, Call call)
    {
        var done = await call.Send(new RetryCampaign(call.OrganizationId, id));
        var view = await CampaignEndpoints.Find(call, done.Id);
        return call.Created($"/v1/campaigns/{done.Id}", call.Map<CampaignResponse>(view), view.Version);
    }

    private static async Task<IResult> Test(Guid id, TestRequest body, Call call) => TypedResults.Ok(new ListResponse<TestSend>(
        await call.Send(new TestCampaign(call.OrganizationId, id, body.ContactIds,
            call.Caller.Sends("api", automated: call.Caller.Session is null))), null));
}
