using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Domain.Templates;

/// <summary>What a template must remember to decide.</summary>
/// <param name="Status">The specification's: DRAFT, PENDING, APPROVED, REJECTED, PAUSED. Empty: there is no such template.</param>
/// <param name="StatusExact">Meta's own word, <see cref="TemplateStatuses.PausedHere"/> or DRAFT.</param>
/// <param name="MetaTemplateId">Null until Meta has seen it.</param>
/// <param name="MetaSaid">Meta's last status and its time: an older one, or the same again, changes nothing.</param>
public sealed record Template(Guid Id, Guid AccountId, string Name, string Language, string Category, JsonElement Components,
    JsonElement? Variables,
    string Status, string StatusExact, string? Reason, string? MetaTemplateId, string? Quality,
    (string Exact, DateTimeOffset At)? MetaSaid, bool IsDeleted)
    : IAggregate<Template, TemplateEvent>
{
    /// <inheritdoc/>
    public static string StreamType => "template";

    /// <summary>Before everything.</summary>
    public static Template Initial { get; } = new(Guid.Empty, Guid.Empty, "", "", "", default, null, "", "", null, null, null, null, false);

    private bool Exists => Status.Length > 0 && !IsDeleted;

    /// <summary>Begins a draft. Asked again with the same content: no events.</summary>
    /// <exception cref="Refusal"><c>template.exists</c>, or a broken rule of <see cref="TemplateRules"/></exception>
    public static TemplateEvent[] Create(Template state, Guid id, Guid accountId, string name, string category, string language,
        JsonElement components, JsonElement? variables, DateTimeOffset now)
    {
        if (state.Status.Length > 0)
        {
            return state.AccountId == accountId && state.Name == name && state.Category == category && state.Language == language
                && Same(state.Components, components)
                ? [] : throw new Refusal("template.exists", "There is already a template with this id.");
        }

        TemplateRules.Require(TemplateRules.Faults(name, category, language, TemplateComponents.Read(components, variables)));
        return [new TemplateCreated(id, accountId, name, category, language, components, variables, now)];
    }

    /// <summary>Edits it: back to a draft, to be submitted again. Nothing changed: no events.</summary>
    /// <exception cref="Refusal"><c>template.unknown</c>, <c>template.in_review</c>, <c>template.disabled</c>,
    /// <c>template.category_fixed</c>, or a broken rule</exception>
    public static TemplateEvent[] Revise(Template state, string category, JsonElement components, JsonElement? variables,
        DateTimeOffset now)
    {
        RequireExists(state);
        if (state.Category == category && Same(state.Components, components) && Same(state.Variables, variables))
        {
            return [];
        }

        RequireEditable(state);
        if (state.Category != category && (state.StatusExact is "APPROVED" or "FLAGGED" or "REINSTATED" or TemplateStatuses.PausedHere))
        {
            throw new Refusal("template.category_fixed", "Meta does not let the category of an approved template be changed.");
        }

        TemplateRules.Require(TemplateRules.Faults(state.Name, category, state.Language, TemplateComponents.Read(components, variables)));
        return [new TemplateRevised(state.Id, category, components, variables, now)];
    }

    /// <summary>Whether Meta must be called for a submission: false when it is in review or approved as it stands.</summary>
    /// <exception cref="Refusal"><c>template.unknown</c>, <c>template.rejected</c>, <c>template.paused</c>,
    /// <c>template.example_missing</c>, <c>template.header_example_missing</c></exception>
    public static bool MustSubmit(Template state)
    {
        RequireExists(state);
        switch (state.Status)
        {
            case "PENDING" or "APPROVED":
                return false;
            case "REJECTED":
                throw new Refusal("template.rejected", "Meta rejected it as it stands. Revise it, then submit again.");
            case "PAUSED":
                throw new Refusal("template.paused", "A paused template is resumed, or revised and then submitted.");
            default:
                TemplateRules.Require(TemplateRules.SubmissionFaults(TemplateComponents.Read(state.Components, state.Variables)));
                return true;
        }
    }

    /// <summary>Meta took the submission. A webhook may have told more already: then no events.</summary>
    public static TemplateEvent[] RecordSubmission(Template state, string metaTemplateId, string status, string category,
        DateTimeOffset now)
    {
        RequireExists(state);
        return state.MetaTemplateId == metaTemplateId && state.Status != "DRAFT"
            ? []
            : [new TemplateSubmitted(state.Id, metaTemplateId, TemplateStatuses.Nearest(status)
                ?? "PENDING", TemplateRules.Categories.Contains(category) ? category : state.Category, now)];
    }

    /// <summary>
    /// Meta's status. Older than the last, the same again, or about a deleted template: no events. The first that names Meta's id also
    /// records it.
    /// </summary>
    /// <param name="metaTemplateId">As the webhook named it; null when it did not.</param>
    public static TemplateEvent[] ChangeStatus(Template state, string? metaTemplateId, string exact, string? reason, DateTimeOffset at)
    {
        if (!state.Exists || (state.MetaSaid is { } said && (at < said.At || (at == said.At && exact == said.Exact))))
        {
            return [];
        }

        if (exact == "DELETED")
        {
            return [new TemplateDeleted(state.Id, at)];
        }

        TemplateEvent[] first = state.MetaTemplateId is null && metaTemplateId is not null
            ? [new TemplateSubmitted(state.Id, metaTemplateId, "PENDING", state.Category, at)] : [];
        var nearest = TemplateStatuses.Nearest(exact) ?? state.Status;
        // the organization's own stop outlives Meta's good news
        var stopped = state.StatusExact == TemplateStatuses.PausedHere && nearest == "APPROVED";
        var told = reason is null or "NONE" or "" ? null : reason;
        return (state.StatusExact == exact && state.Reason == told) || stopped ? first
            : [.. first, new TemplateStatusChanged(state.Id, nearest, exact, told, at)];
    }

    /// <summary>Meta moved it to another category; unknown values change nothing.</summary>
    public static TemplateEvent[] ChangeCategory(Template state, string category, DateTimeOffset at) =>
        state.Exists && state.Category != category && TemplateRules.Categories.Contains(category)
        ? [new TemplateCategoryChanged(state.Id, state.Category, category, at)] : [];

    /// <summary>Meta's quality rating: GREEN, YELLOW, RED or UNKNOWN.</summary>
    public static TemplateEvent[] ChangeQuality(Template state, string quality, DateTimeOffset at) =>
        state.Exists && state.Quality != quality ? [new TemplateQualityChanged(state.Id, state.Quality, quality, at)] : [];

    /// <summary>Meta has other texts. While ours are an unsent revision they stand; the same texts: no events.</summary>
    /// <param name="components">The specification's object, or Meta's array; undefined when Meta told none that could be kept.</param>
    public static TemplateEvent[] ChangeComponents(Template state, JsonElement components, DateTimeOffset at) =>
        !state.Exists || state.Status == "DRAFT" || components.ValueKind == JsonValueKind.Undefined
        || TemplateComponents.Read(state.Components).ReadsLike(TemplateComponents.Read(components)) ? []
            : [new TemplateComponentsChanged(state.Id, components.ValueKind == JsonValueKind.Array ? MetaComponents.ToObject(components)
                : components, at)];

    /// <summary>Meta changed texts, told one by one; a null one is as before.</summary>
    public static TemplateEvent[] ChangeTexts(Template state, string? title, string? body, string? footer, JsonElement? buttons,
        DateTimeOffset at) =>
        state.Exists ? ChangeComponents(state, MetaComponents.WithTexts(state.Components, title, body, footer, buttons), at) : [];

    /// <summary>Everything Meta says of it now, as after a missed webhook.</summary>
    public static TemplateEvent[] Sync(Template state, string metaTemplateId, string status, string? reason, string category,
        JsonElement components, DateTimeOffset now)
    {
        RequireExists(state);
        var all = new List<TemplateEvent>();
        foreach (var decide in new Func<Template, TemplateEvent[]>[]
        {
            s => s.Status == "DRAFT" && s.MetaTemplateId is not null ? [] : ChangeStatus(s, metaTemplateId, status, reason, now),
            s => ChangeCategory(s, category, now),
            s => ChangeComponents(s, components, now),
        })
        {
            var events = decide(state);
            state = events.Aggregate(state, Evolve);
            all.AddRange(events);
        }

        return [.. all];
    }

    /// <summary>Takes over a template that Meta has and we had not, as Meta has it. Known already: no events.</summary>
    /// <exception cref="Refusal"><c>template.components_malformed</c>, <c>template.component_unknown</c></exception>
    public static TemplateEvent[] Import(Template state, Guid id, Guid accountId, string name, string language, string category,
        JsonElement components, string metaTemplateId, string status, string? reason, DateTimeOffset now)
    {
        if (state.Status.Length > 0)
        {
            return [];
        }

        var own = components.ValueKind == JsonValueKind.Array ? MetaComponents.ToObject(components) : components;
        TemplateComponents.Read(own);
        var known = TemplateRules.Categories.Contains(category) ? category : "MARKETING";
        TemplateEvent[] founded =
        [
            new TemplateCreated(id, accountId, name, known, language, own, null, now),
            new TemplateSubmitted(id, metaTemplateId, "PENDING", known, now),
        ];
        return [.. founded, .. ChangeStatus(founded.Aggregate(state, Evolve), metaTemplateId, status, reason, now)];
    }

    /// <summary>Meta has it no more: it is a draft again, to be submitted as a new one. Never submitted: no events.</summary>
    public static TemplateEvent[] Lose(Template state, DateTimeOffset now) => state is { Exists: true, MetaTemplateId: not null }
        ? [new TemplateStatusChanged(state.Id, "DRAFT", TemplateStatuses.NotAtMeta, "Meta has no template of this id any more.", now)] : [];

    /// <summary>The organization stops using it. Already paused: no events.</summary>
    /// <exception cref="Refusal"><c>template.unknown</c>, <c>template.not_approved</c></exception>
    public static TemplateEvent[] Pause(Template state, string? reason, DateTimeOffset now)
    {
        RequireExists(state);
        return state.Status switch
        {
            "PAUSED" => [],
            "APPROVED" => [new TemplateStatusChanged(state.Id, "PAUSED", TemplateStatuses.PausedHere, reason, now)],
            var other => throw new Refusal("template.not_approved", $"Only an approved template can be paused; this one is {other}."),
        };
    }

    /// <summary>Ends a pause; one that Meta made must have been ended at Meta before. Approved already: no events.</summary>
    /// <exception cref="Refusal"><c>template.unknown</c>, <c>template.not_paused</c>, <c>template.disabled</c></exception>
    public static TemplateEvent[] Resume(Template state, DateTimeOffset now)
    {
        RequireExists(state);
        return state switch
        {
            { Status: "APPROVED" } => [],
            { StatusExact: TemplateStatuses.PausedHere or "PAUSED" } =>
                [new TemplateStatusChanged(state.Id, "APPROVED", "APPROVED", null, now)],
            { Status: "PAUSED" } =>
                throw new Refusal("template.disabled", $"Meta has it as {state.StatusExact}; it cannot be resumed from here."),
            _ => throw new Refusal("template.not_paused", $"It is {state.Status}, not paused."),
        };
    }

    /// <summary>Deleted already: no events.</summary>
    /// <exception cref="Refusal"><c>template.unknown</c></exception>
    public static TemplateEvent[] Delete(Template state, DateTimeOffset now) => state switch
    {
        { Status: "" } => throw Unknown(),
        { IsDeleted: true } => [],
        _ => [new TemplateDeleted(state.Id, now)],
    };

    /// <exception cref="Refusal"><c>template.unknown</c></exception>
    public static void RequireExists(Template state)
    {
        if (!state.Exists)
        {
            throw Unknown();
        }
    }

    /// <summary>State after a fact. Never refuses.</summary>
    public static Template Evolve(Template state, TemplateEvent @event) => @event switch
    {
        TemplateCreated e =>
            new(e.TemplateId, e.AccountId, e.Name, e.Language, e.Category, e.Components, e.Variables, "DRAFT", "DRAFT", null, null, null,
                null, false),
        TemplateRevised e =>
            state with { Category = e.Category, Components = e.Components, Variables = e.Variables, Status = "DRAFT",
                StatusExact = "DRAFT", Reason = null },
        TemplateSubmitted e =>
            state with { MetaTemplateId = e.MetaTemplateId, Status = e.Status, StatusExact = e.Status, Category = e.Category,
                Reason = null },
        TemplateStatusChanged { StatusExact: TemplateStatuses.NotAtMeta } e =>
            state with { Status = e.Status, StatusExact = "DRAFT", Reason = e.Reason, MetaTemplateId = null, MetaSaid = null },
        TemplateStatusChanged e =>
            state with { Status = e.Status, StatusExact = e.StatusExact, Reason = e.Reason,
                MetaSaid = e.StatusExact == TemplateStatuses.PausedHere ? state.MetaSaid : (e.StatusExact, e.At) },
        TemplateCategoryChanged e => state with { Category = e.Category },
        TemplateQualityChanged e => state with { Quality = e.Quality },
        TemplateComponentsChanged e => state with { Components = e.Components },
        TemplateDeleted => state with { IsDeleted = true },
        _ => throw new InvalidOperationException($"Template.Evolve does not know {@event.GetType().Name}."),
    };

    private static void RequireEditable(Template state)
    {
        if (state.Status == "PENDING")
        {
            throw new Refusal("template.in_review", "Meta is reviewing it; wait for the verdict.");
        }

        if (state.StatusExact is not (
            "DRAFT" or "APPROVED" or "FLAGGED" or "REINSTATED" or "REJECTED" or "PAUSED" or TemplateStatuses.PausedHere))
        {
            throw new Refusal("template.disabled", $"Meta has it as {state.StatusExact}; it cannot be edited.");
        }
    }

    private static bool Same(JsonElement left, JsonElement right) => JsonElement.DeepEquals(left, right);

    private static bool Same(JsonElement? left, JsonElement? right) =>
        left is { } l && right is { } r ? Same(l, r) : left is null && right is null;

    private static Refusal Unknown() => new("template.unknown", "There is no such template.");
}
