using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Carter;

namespace Bsp.Api.Contacts;

/// <summary>Body of POST /v1/contacts.</summary>
/// <param name="PhoneNumber">With country code; null only beside a wa_user_id.</param>
/// <param name="ConsentStatus">OPTED_IN, OPTED_OUT or PENDING; null: PENDING.</param>
/// <param name="ConsentSource">Who says so; null: <c>api</c>.</param>
public sealed record NewContact(string? PhoneNumber, string? WaUserId, string? FirstName, string? LastName, string? Email,
    JsonElement? CustomFields, IReadOnlyList<string>? Tags,
    string? ConsentStatus, string? ConsentSource, string? ConsentProof);

/// <summary>Body of POST /v1/contacts/{id}/consent.</summary>
/// <param name="Source">Null: <c>api</c>.</param>
public sealed record NewConsent(string Status, string? Source, string? Proof);

/// <summary>Body of POST /v1/contacts/{id}/merge.</summary>
/// <param name="With">The contact that becomes part of this one.</param>
public sealed record MergeBody(Guid With);

/// <summary>/v1/contacts.</summary>
public sealed class ContactEndpoints : ICarterModule
{
    private const string SourceStandard = "api";
    private const string CustomPrefix = "custom.";
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var contacts = app.MapGroup("/v1/contacts").WithTags("Contacts");
        contacts.MapPost("", CreateAsync).Describe("Adds a contact.", "contact.duplicate").Produces<ContactView>(201);
        contacts.MapGet("", ListAsync)
            .Describe("Contacts: ?q= (part of a name or e-mail), ?phone= (beginning of the number; then in the order of numbers), ?phone_number= and ?email= (exactly), ?tag=, ?consent=, ?custom.<key>=; several together are all meant.").Produces<ListResponse<ContactView>>();
        contacts.MapGet("/{id:guid}", GetAsync).Describe("One contact.", "contact.unknown").Produces<ContactView>();
        contacts.MapPatch("/{id:guid}", PatchAsync)
            .Describe("Changes a contact (JSON merge patch).", "contact.unknown", "contact.duplicate", "version.mismatch")
            .Accepts<JsonElement>("application/json", "application/merge-patch+json").Produces<ContactView>();
        contacts.MapDelete("/{id:guid}", DeleteAsync)
            .Describe("Removes a contact and its list memberships.", "contact.held", "contact.unknown", "version.mismatch").Produces(204);
        contacts.MapPost("/{id:guid}/consent", ConsentAsync)
            .Describe("Records what a contact agreed to, with source and proof.", "contact.unknown").Produces<ContactView>();
        contacts.MapPost("/{id:guid}/merge", MergeAsync)
            .Describe("Makes another contact part of this one; the other id keeps answering as this one.", "contact.unknown")
            .Produces<ContactView>();
        contacts.MapGet("/{id:guid}/timeline", TimelineAsync)
            .Describe("Everything that happened to a contact, oldest first: consent, identity, merges, messages, campaigns, lists, imports, assignments.", "contact.unknown", "cursor.invalid", "view.behind").Produces<ListResponse<TimelineEntry>>();
        contacts.MapGet("/{id:guid}/export", ExportAsync).Describe("All data about one contact.", "contact.unknown", "view.behind")
            .Produces<ContactExport>();
        contacts.MapPost("/{id:guid}/erase", EraseAsync)
            .Describe("Erases a person: unreadable when answered (202), copies gone when completed (asked again: 200). Counts and proofs stay.", "contact.held", "contact.unknown").Produces<ContactErasure>(202).Produces<ContactErasure>();
        contacts.MapGet("/export", ExportFileAsync).WithMetadata(new LongAnswer(LongAnswers.Download), new RunsAs(WorkKind.Bulk))
            .Describe("Contacts as CSV that POST /v1/contacts/import reads back: all, ?list_id=, or ?filter= (JSON, as lists take it).",
                "list.unknown").Produces<string>(200, "text/csv");
    }

    private static async Task<IResult> CreateAsync(NewContact body, Call call)
    {
        var fields = new ContactFields(body.PhoneNumber, body.WaUserId, body.FirstName, body.LastName, body.Email,
            body.CustomFields is { ValueKind: not JsonValueKind.Null } custom ? custom : ContactFields.Empty.CustomFields, body.Tags ?? []);
        var consent = body.ConsentStatus is { } status ? new Consent(status, body.ConsentSource ?? SourceStandard, body.ConsentProof)
            : null;
        var done = await call.Send(new CreateContact(call.OrganizationId, fields, consent));
        var contact = await call.Send(new GetContact(call.OrganizationId, done.Id));
        return call.Created($"/v1/contacts/{done.Id}", contact, contact.RowVersion);
    }

    private static async Task<IResult> ListAsync(string? q, string? phone, string? phone_number, string? email, string? tag,
        string? consent, Paging paging, Call call)
    {
        var custom = call.Context.Request.Query.Where(p => p.Key.StartsWith(CustomPrefix, StringComparison.Ordinal))
            .ToDictionary(p => p.Key[CustomPrefix.Length..], p => p.Value.ToString());
        return call.Page(await call.Send(new ListContacts(call.OrganizationId, q, phone, tag, consent, paging.Limit,
                paging.Cursor) { PhoneNumber = phone_number is null ? null : Plus(phone_number), Email = email, Custom = custom }));
    }

    // '+' in a query string arrives as a blank.
    private static string Plus(string phone) => phone.StartsWith(' ') ? $"+{phone[1..]}" : phone;

    private static Task<IResult> GetAsync(Guid id, Call call) =>
        AnswerAsync(id, call);

    private static async Task<IResult> PatchAsync(Guid id, JsonElement patch, IfMatch match, Call call)
    {
        await call.Send(new PatchContact(call.OrganizationId, id, patch, match.Version));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Call call)
    {
        await call.Send(new DeleteContact(call.OrganizationId, id, match.Version));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> ConsentAsync(Guid id, NewConsent body, Call call)
    {
        await call.Send(new ChangeContactConsent(call.OrganizationId, id,
            new(body.Status, body.Source ?? SourceStandard, body.Proof)));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> MergeAsync(Guid id, MergeBody body, Call call)
    {
        await call.Send(new MergeContacts(call.OrganizationId, id, body.With, SourceStandard));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> TimelineAsync(Guid id, Paging paging, MinPosition min, Call call)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.Conversations, call.OrganizationId, call.Aborted);
        return call.Page(await call.Send(new GetContactTimeline(call.OrganizationId, id, paging.Limit, paging.Cursor)));
    }

    private static async Task<IResult> ExportAsync(Guid id, MinPosition min, Call call)
    {
        await min.ReachedAsync(call.Context.RequestServices, ViewNames.Conversations, call.OrganizationId, call.Aborted);
        return call.Ok(await call.Send(new ExportContact(call.OrganizationId, id)));
    }

    private static async Task<IResult> EraseAsync(Guid id, Call call)
    {
        var erasure = await call.Send(new EraseContact(call.OrganizationId, id));
        return TypedResults.Json(erasure, statusCode: erasure.Status == "completed" ? 200 : 202);
    }

    private static async Task ExportFileAsync(Guid? list_id, string? filter, Call call)
    {
        var pages = await call.Send(new ExportContacts(call.OrganizationId, list_id, ContactFile.Filter(filter)));
        await ContactFile.WriteAsync(call.Context, pages, call.Aborted);
    }

    private static async Task<IResult> AnswerAsync(Guid id, Call call)
    {
        var contact = await call.Send(new GetContact(call.OrganizationId, id));
        return call.Ok(contact, contact.RowVersion);
    }
}
