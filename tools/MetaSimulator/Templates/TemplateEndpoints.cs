using System.Text.Json;
using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Templates;

/// <summary>Create, list, edit, delete and unpause templates.</summary>
internal static class TemplateEndpoints
{
    /// <summary>Templates of one WABA. Source: Meta, 6,000 for verified portfolios.</summary>
    private const int TemplatesMax = 6_000;

    private const int PageSizeMax = 1_000;
    private const int PageSizeDefault = 25;

    private static readonly string[] Editable = ["APPROVED", "REJECTED", "PAUSED"];

    public static void Map(IEndpointRouteBuilder app, SimulatorState state)
    {
        app.MapPost("/{id}/message_templates", http => state.AsWaba(http, waba => Create(http, state, waba)));
        app.MapGet("/{id}/message_templates", http => state.AsWaba(http, waba => List(http, waba)));
        app.MapDelete("/{id}/message_templates", http => state.AsWaba(http, waba => Delete(http, state, waba)));
        app.MapPost("/{id}/unpause", http => state.Authorized(http, token => Unpause(http, state, token)));
    }

    /// <summary><c>POST /{template_id}</c>.</summary>
    public static async Task Edit(HttpContext http, SimulatorState state, Template template)
    {
        using var body = await RequestBody.Read(http);
        using var document = body.Parse();
        if (document is null)
        {
            await GraphAnswer.Error(http, GraphError.Parameter("Invalid parameter: the body is not a JSON object"));
            return;
        }

        GraphError? fault;
        lock (template)
        {
            fault = CheckEdit(document.RootElement, template, DateTimeOffset.UtcNow);
            if (fault is null)
            {
                Apply(document.RootElement, template);
            }
        }

        if (fault is not null)
        {
            await GraphAnswer.Error(http, fault);
            return;
        }

        state.Accounts.NoteChange();
        state.Review.Submit(template);
        await GraphAnswer.Success(http);
    }

    private static async Task Create(HttpContext http, SimulatorState state, Waba waba)
    {
        using var body = await RequestBody.Read(http);
        using var document = body.Parse();
        var fault = document is null
            ? GraphError.Parameter("Invalid parameter: the body is not a JSON object")
            : TemplateRules.Check(document.RootElement) ?? Room(document.RootElement, state, waba);
        if (fault is not null)
        {
            await GraphAnswer.Error(http, fault);
            return;
        }

        var template = Build(document!.RootElement, state, waba.Id);
        state.Accounts.Add(waba, template);
        state.Review.Submit(template);
        await GraphAnswer.Json(http, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", template.Id);
            json.WriteString("status", "PENDING");
            json.WriteString("category", template.Category);
            json.WriteEndObject();
        });
    }

    private static GraphError? Room(JsonElement request, SimulatorState state, Waba waba)
    {
        var (name, language, now) = (request.Text("name")!, request.Text("language")!, DateTimeOffset.UtcNow);
        return waba.Templates.Find(name, language) is not null
            ? GraphError.Template(2388024, "Content in this language already exists",
                $"There is already {language} content for this template. You can create a new template and try again.")
            : waba.Templates.IsHeld(name, language, now)
            ? GraphError.Template(2388023, "Message template language is being deleted",
                $"New {language} content can't be added while the existing {language} content is being deleted. Try again in 4 weeks or create a new message template.")
            : waba.Templates.Count >= TemplatesMax
            ? GraphError.Template(2388019, "Message template limit exceeded", $"A WABA may have {TemplatesMax} templates.")
            : waba.Templates.MayCreate(state.Options.TemplateCreatesPerHourMax, now) ? null
            : GraphError.TooManyCalls;
    }

    /// <summary>A checked request as a new template.</summary>
    internal static Template Build(JsonElement request, SimulatorState state, string wabaId)
    {
        var category = request.Text("category")!.ToUpperInvariant();
        var template = new Template
        {
            Id = state.Ids.NextNumeric(),
            WabaId = wabaId,
            Name = request.Text("name")!,
            Language = request.Text("language")!,
            Category = category,
            ParameterFormat = TemplateRules.Format(request)!,
            Components = request.GetProperty("components").Clone(),
            Shape = TemplateShape.Of(request.GetProperty("components"), category),
            MessageSendTtlSeconds = request.Integer("message_send_ttl_seconds"),
        };
        if (category == "UTILITY" && TemplateReview.Names(template, state.Options.MarketingTemplatesNamed))
        {
            (template.PreviousCategory, template.Category) = (category, "MARKETING");
        }

        return template;
    }

    private static GraphError? CheckEdit(JsonElement request, Template template, DateTimeOffset now)
    {
        if (!Editable.Contains(template.Status))
        {
            return GraphError.Template(2388025, "Message template cannot be edited",
                $"A template that is {template.Status} cannot be edited.");
        }

        var category = request.Text("category")?.ToUpperInvariant() ?? template.Category;
        if (!TemplateRules.Categories.Contains(category) || (template.Status == "APPROVED" && category != template.Category))
        {
            return GraphError.Template(2388025, "Category cannot be changed", "The category of an approved template cannot be changed.");
        }

        template.Edits.RemoveAll(e => now - e > TimeSpan.FromDays(30));
        if (template.Status == "APPROVED" && (template.Edits.Count >= 10 || template.Edits.Any(e => now - e < TimeSpan.FromHours(24))))
        {
            return GraphError.Template(2388025, "Edit limit reached",
                "An approved template can be edited once in 24 hours and 10 times in 30 days.");
        }

        return (request.Member("components") is { } components ? TemplateRules.Components(components, category, template.ParameterFormat)
            : null)
            ?? TemplateRules.Ttl(request, category);
    }

    private static void Apply(JsonElement request, Template template)
    {
        if (template.Status == "APPROVED")
        {
            template.Edits.Add(DateTimeOffset.UtcNow);
        }

        template.Category = request.Text("category")?.ToUpperInvariant() ?? template.Category;
        template.MessageSendTtlSeconds = request.Integer("message_send_ttl_seconds") ?? template.MessageSendTtlSeconds;
        if (request.Member("components") is { } components)
        {
            template.Components = components.Clone();
            template.Shape = TemplateShape.Of(components, template.Category);
        }

        template.Status = "PENDING";
    }

    private static Task Unpause(HttpContext http, SimulatorState state, string token)
    {
        if (state.TemplateOf(http, token) is not { } template)
        {
            return GraphAnswer.Error(http, SimulatorState.NoObject(http));
        }

        if (template.Status != "PAUSED")
        {
            return GraphAnswer.Error(http,
                GraphError.Template(2388025, "Message template is not paused", $"The template is {template.Status}."));
        }

        state.Review.SetStatus(template, "APPROVED", "NONE");
        return GraphAnswer.Success(http);
    }

    private static Task Delete(HttpContext http, SimulatorState state, Waba waba)
    {
        var (name, id) = ((string?)http.Request.Query["name"], (string?)http.Request.Query["hsm_id"]);
        if (string.IsNullOrEmpty(name))
        {
            return GraphAnswer.Error(http, GraphError.Parameter("The parameter name is required."));
        }

        var found = waba.Templates.All.Where(t => t.Name == name && (id is null || t.Id == id)).ToArray();
        if (found.Length == 0)
        {
            return GraphAnswer.Error(http, GraphError.Template(2593002, "Message template was not found", $"There is no template {name}."));
        }

        if (found.Any(t => t.Status == "DISABLED"))
        {
            return GraphAnswer.Error(http,
                GraphError.Template(2593002, "Message template cannot be deleted", "A disabled template cannot be deleted."));
        }

        state.Accounts.Remove(waba, found, DateTimeOffset.UtcNow);
        return GraphAnswer.Success(http);
    }

    private static Task List(HttpContext http, Waba waba)
    {
        var query = http.Request.Query;
        var limit = int.TryParse(query["limit"], out var wanted) ? Math.Clamp(wanted, 1, PageSizeMax) : PageSizeDefault;
        var after = Cursor.Read(query["after"]);
        var all = waba.Templates.All.Where(t => Matches(t, query))
            .SkipWhile(t => after is not null && string.CompareOrdinal(t.Id, after) <= 0).ToArray();
        return GraphAnswer.Json(http, json => TemplateJson.Page(json, http, all, limit));
    }

    private static bool Matches(Template template, IQueryCollection query) =>
        Is(query["status"], template.Status) && Is(query["category"], template.Category) && Is(query["language"], template.Language)
        && Is(query["quality_score"], template.Quality)
        && (string.IsNullOrEmpty(query["name"]) || template.Name == query["name"])
        && (string.IsNullOrEmpty(query["name_or_content"])
            || template.Name.Contains((string)query["name_or_content"]!, StringComparison.OrdinalIgnoreCase)
            || template.Shape.BodyText.Contains((string)query["name_or_content"]!, StringComparison.OrdinalIgnoreCase));

    private static bool Is(string? wanted, string value) =>
        string.IsNullOrEmpty(wanted)
        || wanted.Split(',').Any(w => string.Equals(w.Trim('[', ']', '"', ' '), value, StringComparison.OrdinalIgnoreCase));
}
