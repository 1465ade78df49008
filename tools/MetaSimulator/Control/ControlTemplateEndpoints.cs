using System.Text.Json;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Templates;

namespace Bsp.MetaSimulator.Control;

/// <summary>Puts templates there without a review, and changes the status of those that are there.</summary>
internal static class ControlTemplateEndpoints
{
    private static readonly string[] Statuses =
        ["APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "PENDING_DELETION", "LIMIT_EXCEEDED", "ARCHIVED", "FLAGGED"];

    public static void Map(IEndpointRouteBuilder control, SimulatorState state)
    {
        control.MapPut("/templates", http => Put(http, state));
        control.MapPut("/templates/{id}/status", http => ChangeStatus(http, state));
    }

    /// <summary>
    /// A creation's body with <c>waba_id</c> and, if not APPROVED, <c>status</c>. An existing name and language gets the new components. No
    /// webhook is sent.
    /// </summary>
    private static Task Put(HttpContext http, SimulatorState state) => ControlJson.WithBody(http, async body =>
    {
        var status = body.Text("status") ?? "APPROVED";
        var waba = body.TextOrNumber("waba_id") is { } id ? state.Accounts.Waba(id, null, strict: false) : null;
        if (waba is null || !Statuses.Contains(status))
        {
            await ControlJson.Fault(http, "waba_id (digits, not known as something else) and a status Meta knows are required.");
            return;
        }

        if (TemplateRules.Check(body) is { } fault)
        {
            await ControlJson.Fault(http, fault.UserMessage ?? fault.Message);
            return;
        }

        var template = TemplateEndpoints.Build(body, state, waba.Id);
        if (waba.Templates.Find(template.Name, template.Language) is { } known)
        {
            lock (known)
            {
                (known.Components, known.Shape, known.Category, known.ParameterFormat) =
                    (template.Components, template.Shape, template.Category, template.ParameterFormat);
            }

            template = known;
        }

        template.Status = status;
        state.Accounts.Add(waba, template);
        await Show(http, template);
    });

    private static Task ChangeStatus(HttpContext http, SimulatorState state) => ControlJson.WithBody(http, async body =>
    {
        if (state.Accounts.FindTemplate(SimulatorState.RouteId(http)) is not { } template)
        {
            await ControlJson.Fault(http, "There is no such template.", 404);
            return;
        }

        if (body.Text("status") is not { } status || !Statuses.Contains(status))
        {
            await ControlJson.Fault(http, $"status must be one of {string.Join(", ", Statuses)}.");
            return;
        }

        state.Review.SetStatus(template, status, body.Text("reason") ?? "NONE");
        await Show(http, template);
    });

    private static Task Show(HttpContext http, Template template) =>
        ControlJson.Answer(http,
            new { template.Id, template.WabaId, template.Name, template.Language, template.Category, template.Status });
}
