using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using MediatR;

namespace Bsp.Api.Contacts;

/// <summary>Body of POST /v1/contacts.</summary>
/// <param name="PhoneNumber">With country code; null only beside a wa_user_id.</param>
/// <param name="ConsentStatus">OPTED_IN, OPTED_OUT or PENDING; null: PENDING.</param>
/// <param name="ConsentSource">Who says so; null: <c>api</c>.</param>
public sealed record NewContact(string? PhoneNumber, string? WaUserId, string? FirstName, string? LastName, string? Email, JsonElement? CustomFields, IReadOnlyList<string>? Tags,
    string? ConsentStatus, string? ConsentSource, string? ConsentProof);

/// <summary>Body of POST /v1/contacts/{id}/consent.</summary>
/// <param name="Source">Null: <c>api</c>.</param>
public sealed record NewConsent(string Status, string? Source, string? Proof);

/// <summary>Everything that happened, oldest first.</summary>
public sealed record TimelineResponse(IReadOnlyList<TimelineEntry> Data);

/// <summary>/v1/contacts.</summary>
public sealed class ContactEndpoints : IEndpointModule
{
    private const string SourceStandard = "api";

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var contacts = app.MapGroup("/v1/contacts").WithTags("Contacts");
        contacts.MapPost("", CreateAsync).Describe("Adds a contact.", "contact.duplicate").Produces<ContactView>(201);
        contacts.MapGet("", ListAsync).Describe("Contacts by name, e-mail, beginning of the phone number, tag and consent.").Produces<ListResponse<ContactView>>();
        contacts.MapGet("/{id:guid}", GetAsync).Describe("One contact.", "contact.unknown").Produces<ContactView>();
        contacts.MapPatch("/{id:guid}", PatchAsync).Describe("Changes a contact (JSON merge patch).", "contact.unknown", "contact.duplicate", "version.mismatch").Accepts<JsonElement>("application/json", "application/merge-patch+json").Produces<ContactView>();
        contacts.MapDelete("/{id:guid}", DeleteAsync).Describe("Removes a contact and its list memberships.", "contact.unknown", "version.mismatch").Produces(204);
        contacts.MapPost("/{id:guid}/consent", ConsentAsync).Describe("Records what a contact agreed to, with source and proof.", "contact.unknown").Produces<ContactView>();
        contacts.MapGet("/{id:guid}/timeline", TimelineAsync).Describe("What happened to a contact's consent and identity.", "contact.unknown").Produces<TimelineResponse>();
    }

    private static async Task<IResult> CreateAsync(NewContact body, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        var fields = new ContactFields(body.PhoneNumber, body.WaUserId, body.FirstName, body.LastName, body.Email,
            body.CustomFields is { ValueKind: not JsonValueKind.Null } custom ? custom : ContactFields.Empty.CustomFields, body.Tags ?? []);
        var consent = body.ConsentStatus is { } status ? new Consent(status, body.ConsentSource ?? SourceStandard, body.ConsentProof) : null;
        var done = await mediator.Send(new CreateContact(caller.OrganizationId, fields, consent), ct);
        var contact = await mediator.Send(new GetContact(caller.OrganizationId, done.Id), ct);
        return Answers.Created(context, $"/v1/contacts/{done.Id}", contact, contact.RowVersion);
    }

    private static async Task<IResult> ListAsync(string? q, string? phone, string? tag, string? consent, Paging paging, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct) =>
        Answers.Page(context, await mediator.Send(new ListContacts(caller.OrganizationId, q, phone, tag, consent, paging.Limit, paging.Cursor), ct));

    private static Task<IResult> GetAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct) => AnswerAsync(id, caller, context, mediator, ct);

    private static async Task<IResult> PatchAsync(Guid id, JsonElement patch, IfMatch match, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new PatchContact(caller.OrganizationId, id, patch, match.Version), ct);
        return await AnswerAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Caller caller, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new DeleteContact(caller.OrganizationId, id, match.Version), ct);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> ConsentAsync(Guid id, NewConsent body, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new ChangeContactConsent(caller.OrganizationId, id, new(body.Status, body.Source ?? SourceStandard, body.Proof)), ct);
        return await AnswerAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> TimelineAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct) =>
        Answers.Ok(context, new TimelineResponse(await mediator.Send(new GetContactTimeline(caller.OrganizationId, id), ct)));

    private static async Task<IResult> AnswerAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        var contact = await mediator.Send(new GetContact(caller.OrganizationId, id), ct);
        return Answers.Ok(context, contact, contact.RowVersion);
    }
}
