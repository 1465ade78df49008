using Bsp.Application.Meta;

namespace Bsp.Application.Templates;

/// <param name="MetaTemplateId">Null: Meta has not seen it.</param>
public sealed record TemplateOfAccount(Guid Id, string Name, string Language, string? MetaTemplateId);

/// <summary>
/// What a template's use cases need to know beside its stream: the number that speaks to Meta for it, its name among the names, and which
/// template Meta means.
/// </summary>
public interface ITemplateReferences
{
    /// <summary>The number that speaks for an account, with the account's own token or else the organization's.</summary>
    /// <exception cref="Domain.Common.Refusal"><c>account.unknown</c>, <c>account.no_token</c></exception>
    Task<MetaNumber> NumberAsync(Guid organizationId, Guid accountId, CancellationToken ct);

    /// <summary>
    /// Takes a name for a template that is about to be created; the same template may take it again. A name whose template never came to be
    /// (the process died in between) is free again
    /// after a minute.
    /// </summary>
    /// <exception cref="Domain.Common.Refusal"><c>account.unknown</c>, <c>template.name_taken</c></exception>
    Task TakeNameAsync(Guid organizationId, Guid accountId, string name, string language, Guid templateId, CancellationToken ct);

    /// <summary>All of a number, the deleted left out.</summary>
    Task<IReadOnlyList<TemplateOfAccount>> OfAccountAsync(Guid organizationId, Guid accountId, CancellationToken ct);

    /// <summary>
    /// The template that Meta speaks of: by Meta's id; else the one of this name on the WABA's numbers that has none yet, whose
    /// submission's answer is still on the way. Null: none.
    /// </summary>
    Task<Guid?> FindAsync(Guid organizationId, TemplateKey key, CancellationToken ct);
}
