using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Lists;

/// <summary>A list of contacts.</summary>
/// <param name="ContactCount">Members now; of a filtered list as last counted, when the filter was written or previewed.</param>
/// <param name="Filters">Null: members are added by hand. Else they are whoever matches (<see cref="FilterExpression"/>).</param>
public sealed record ListView(Guid Id, Guid OrganizationId, string Name, string? Description, int ContactCount, JsonElement? Filters,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt,
    [property: JsonIgnore] long RowVersion);

/// <summary>Begins a list, empty or filtered.</summary>
public sealed record CreateList(Guid OrganizationId, string Name, string? Description, JsonElement? Filters) : ICommand;

public sealed class CreateListValidator : AbstractValidator<CreateList>
{
    internal const int NameCharactersMax = 200;
    internal const int DescriptionCharactersMax = 2000;

    public CreateListValidator()
    {
        RuleFor(l => l.Name).NotEmpty().MaximumLength(NameCharactersMax).Must(ContactFieldsValidator.Plain).OverridePropertyName("name");
        RuleFor(l => l.Description).MaximumLength(DescriptionCharactersMax).Must(d => d?.Contains('\0') is not true)
            .OverridePropertyName("description");
        RuleFor(l => l.Filters).Filter("filters");
    }
}

/// <summary>
/// Changes a list by a JSON merge patch over name, description and filters. Filters replace as a whole; null turns it into a list kept by
/// hand.
/// </summary>
/// <param name="SeenVersion">If-Match; null patches whatever is stored. Members coming and going do not change it.</param>
public sealed record PatchList(Guid OrganizationId, Guid ListId, JsonElement Patch, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => ListId;
}

public sealed class PatchListValidator : AbstractValidator<PatchList>
{
    public PatchListValidator() => RuleFor(p => p.Patch).Custom((patch, context) =>
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            Fail(context, "", "request.malformed", "A merge patch is a JSON object.");
            return;
        }

        foreach (var member in patch.EnumerateObject())
        {
            Check(context, member);
        }
    });

    private static void Check(ValidationContext<PatchList> context, JsonProperty member)
    {
        switch (member.Name)
        {
            case "name" when member.Value.ValueKind != JsonValueKind.String || string.IsNullOrWhiteSpace(member.Value.GetString())
                || member.Value.GetString()!.Length > CreateListValidator.NameCharactersMax
                || !ContactFieldsValidator.Plain(member.Value.GetString()):
                Fail(context, "name", "list.name_invalid", $"A list's name has 1 to {CreateListValidator.NameCharactersMax} characters.");
                break;
            case "description" when member.Value.ValueKind != JsonValueKind.Null
                && (member.Value.ValueKind != JsonValueKind.String
                    || member.Value.GetString()!.Length > CreateListValidator.DescriptionCharactersMax
                    || member.Value.GetString()!.Contains('\0')):
                Fail(context, "description", "list.description_invalid",
                    $"A description has at most {CreateListValidator.DescriptionCharactersMax} characters.");
                break;
            case "filters" when member.Value.ValueKind != JsonValueKind.Null:
                try
                {
                    FilterExpression.Parse(member.Value);
                }
                catch (FilterFault fault)
                {
                    Fail(context, "filters", "filter.invalid", fault.Message);
                }

                break;
            case "name" or "description" or "filters":
                break;
            default:
                Fail(context, member.Name, "request.unknown_field", $"'{member.Name}' cannot be changed.");
                break;
        }
    }

    private static void Fail(ValidationContext<PatchList> context, string field, string code, string message) =>
        context.AddFailure(new FluentValidation.Results.ValidationFailure(field, message) { ErrorCode = code });
}

/// <summary>Removes a list; its contacts stay. Refused with <c>list.unknown</c>.</summary>
public sealed record DeleteList(Guid OrganizationId, Guid ListId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => ListId;
}

/// <summary>One list, or <c>list.unknown</c>.</summary>
public sealed record GetList(Guid OrganizationId, Guid ListId) : IRequest<ListView>;

/// <summary>Lists in the order of their ids.</summary>
/// <param name="Limit">1–200.</param>
/// <param name="Cursor">Id of the last list of the page before.</param>
public sealed record ListLists(Guid OrganizationId, int Limit, string? Cursor) : IRequest<Page<ListView>>;

public sealed class ListListsValidator : AbstractValidator<ListLists>
{
    public ListListsValidator()
    {
        RuleFor(l => l.Limit).InclusiveBetween(1, 200).OverridePropertyName("limit");
        RuleFor(l => l.Cursor).Must(c => c is null || Guid.TryParse(c, out _)).OverridePropertyName("cursor")
            .WithErrorCode("request.cursor_invalid").WithMessage("This cursor is none of ours.");
    }
}

/// <summary>A list's members, by hand or by filter, in the order of their ids.</summary>
public sealed record ListMembers(Guid OrganizationId, Guid ListId, int Limit, string? Cursor) : IRequest<Page<ContactView>>;

public sealed class ListMembersValidator : AbstractValidator<ListMembers>
{
    public ListMembersValidator()
    {
        RuleFor(l => l.Limit).InclusiveBetween(1, 200).OverridePropertyName("limit");
        RuleFor(l => l.Cursor).Must(c => c is null || Guid.TryParse(c, out _)).OverridePropertyName("cursor")
            .WithErrorCode("request.cursor_invalid").WithMessage("This cursor is none of ours.");
    }
}

/// <summary>
/// Adds and removes members, all or nothing. Refused with <c>list.unknown</c>, <c>contact.unknown</c>, <c>list.filtered</c>. Adding a
/// member again changes nothing.
/// </summary>
public sealed record ChangeListMembers(Guid OrganizationId, Guid ListId, IReadOnlyList<Guid> Add, IReadOnlyList<Guid> Remove) : ICommandOn
{
    Guid ICommandOn.Id => ListId;
}

public sealed class ChangeListMembersValidator : AbstractValidator<ChangeListMembers>
{
    /// <summary>Ids in one request, added and removed together.</summary>
    public const int IdsMax = 10_000;

    public ChangeListMembersValidator()
    {
        RuleFor(c => c).Must(c => c.Add.Count + c.Remove.Count is > 0 and <= IdsMax).OverridePropertyName("add")
            .WithErrorCode("list.ids_invalid").WithMessage($"Name 1 to {IdsMax} contacts to add or remove.");
        RuleFor(c => c).Must(c => !c.Add.Intersect(c.Remove).Any()).OverridePropertyName("remove").WithErrorCode("list.ids_invalid")
            .WithMessage("A contact cannot be added and removed at once.");
    }
}

/// <param name="Count">Everybody who matches.</param>
/// <param name="Sample">The first few.</param>
public sealed record ListPreview(long Count, IReadOnlyList<ContactView> Sample);

/// <summary>Who matches: the given filter, or the list's own when none is given.</summary>
public sealed record PreviewList(Guid OrganizationId, Guid ListId, JsonElement? Filters) : IRequest<ListPreview>;

/// <summary>Who matches a filter that no list has (yet).</summary>
public sealed record PreviewFilter(Guid OrganizationId, JsonElement? Filters) : IRequest<ListPreview>;

public sealed class PreviewFilterValidator : AbstractValidator<PreviewFilter>
{
    public PreviewFilterValidator()
    {
        RuleFor(p => p.Filters).NotNull().WithMessage("must be given.");
        RuleFor(p => p.Filters).Filter("filters");
    }
}

public sealed class PreviewListValidator : AbstractValidator<PreviewList>
{
    public PreviewListValidator() => RuleFor(p => p.Filters).Filter("filters");
}
