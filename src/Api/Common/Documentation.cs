using System.Text.Json.Nodes;
using Bsp.Application.Common;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Bsp.Api.Common;

/// <summary>/openapi/v1.json and /docs.</summary>
public static class Documentation
{
    // What any route under /v1 may answer, whatever it does.
    private static readonly string[] Everywhere =
        ["auth.two_credentials:400", "access.unauthenticated:401", "access.denied:403", "access.organization_inactive:403",
            "auth.csrf:403", "auth.second_factor_enrol:403", "request.rate_limited:429",
            "request.too_many_at_once:429", "internal:500", "store.unavailable:503"];
    private static readonly string[] WithBody =
        ["request.malformed:400", "request.invalid:400", "request.unknown_field:400", "request.too_slow:408", "request.too_large:413",
            "request.content_type:415"];
    private static readonly string[] Posted = ["idempotency.in_flight:409", "idempotency.other_body:422"];

    public static void AddDocumentation(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new()
            {
                Title = "Bsp",
                Version = "v1",
                Description = "WhatsApp Business Solution Provider. Errors are problem+json (RFC 9457); `code` is the contract.",
                License = new() { Name = "MIT", Url = new("https://opensource.org/license/mit") },
            };
            document.Servers = [new() { Url = "/", Description = "Where this document was read." }];
            document.Tags = DocumentationTags.Of(document);
            document.Components ??= new();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                ["bearer"] =
                    new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer",
                        Description = "API key bsp_<prefix>_<secret>, session token, or the platform key." },
                ["cookie"] =
                    new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Cookie, Name = SessionCookie.Name,
                        Description = $"A browser's session; what changes something needs the header {SessionCookie.CsrfHeader} too." },
            };
            document.Components.Schemas ??= new Dictionary<string, IOpenApiSchema>();
            document.Components.Schemas["Problem"] = ProblemSchema();
            DocumentationWebhooks.AddTo(document);
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(DescribeAsync);
        options.AddSchemaTransformer((schema, context, _) =>
        {
            var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
            var orNull = type == context.JsonTypeInfo.Type ? default : JsonSchemaType.Null;
            if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Optional<>))
            {
                type = type.GetGenericArguments()[0];
                type = Nullable.GetUnderlyingType(type) ?? type;
                schema.Properties = null;
                schema.Required = null;
                schema.Type = type == typeof(string) || type == typeof(decimal) || type == typeof(Guid) || type == typeof(DateTimeOffset)
                    ? JsonSchemaType.String
                    : type == typeof(int) || type == typeof(long) ? JsonSchemaType.Integer
                    : type == typeof(bool) ? JsonSchemaType.Boolean
                    : null;
            }

            foreach (var absent in context.JsonTypeInfo.Properties.Where(p =>
                p.PropertyType.IsGenericType && p.PropertyType.GetGenericTypeDefinition() == typeof(Optional<>)))
            {
                schema.Required?.Remove(absent.Name);
            }

            if (type == typeof(decimal))
            {
                schema.Type = JsonSchemaType.String | orNull;
                schema.Format = "decimal";
                schema.Examples = ["12.340000"];
            }

            if (type == typeof(DateTimeOffset))
            {
                schema.Type = JsonSchemaType.String | orNull;
                schema.Format = "date-time";
            }

            return Task.CompletedTask;
        });
    });

    public static void UseDocumentation(this WebApplication app)
    {
        app.MapOpenApi("/openapi/{documentName}.json");
        app.UseSwaggerUI(ui =>
        {
            ui.RoutePrefix = "docs";
            ui.DocumentTitle = "Bsp";
            ui.SwaggerEndpoint("/openapi/v1.json", "v1");
        });
    }

    private static Task DescribeAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        var method = context.Description.HttpMethod ?? "GET";
        var path = "/" + context.Description.RelativePath?.Trim('/').Replace(":guid", "", StringComparison.Ordinal);
        var rule = Access.Of(method, path) ?? new(Role.Anonymous, false, false);
        operation.OperationId =
            $"{method.ToLowerInvariant()}{string.Concat(path.Split('/', '-', '{', '}', '.').Where(p => p.Length > 0 && p != "v1").Select(p => char.ToUpperInvariant(p[0]) + p[1..]))}";
        operation.Tags =
            new HashSet<OpenApiTagReference> { new(path.Split('/', StringSplitOptions.RemoveEmptyEntries) is ["v1", var feature, ..]
                ? feature : "operations", context.Document) };
        operation.Description = $"Least role: {rule.Least.ToString().ToLowerInvariant()}.";
        operation.Parameters ??= [];
        if (method == "POST" && path.StartsWith("/v1", StringComparison.Ordinal))
        {
            operation.Parameters.Add(Header(Idempotency.KeyHeader, "1–255 characters; a repeat within 24 h answers the same."));
        }

        if (method == "PATCH")
        {
            operation.Parameters.Add(Header("If-Match", "The ETag last seen; without it, the change applies to whatever is stored."));
        }

        operation.Security = []; // open to everybody; said, so that nobody takes it for forgotten
        if (rule.Least > Role.Anonymous)
        {
            operation.Security = [new() { [new OpenApiSecuritySchemeReference("bearer", context.Document)] = [] },
                new() { [new OpenApiSecuritySchemeReference("cookie", context.Document)] = [] }];
            operation.Parameters.Add(Header(Authentication.OrganizationHeader, "Platform only: the organization it acts for."));
        }

        AddProblems(operation, context, method, rule);
        return Task.CompletedTask;
    }

    private static void AddProblems(OpenApiOperation operation, OpenApiOperationTransformerContext context, string method, Access.Rule rule)
    {
        var own = context.Description.ActionDescriptor.EndpointMetadata.OfType<ProblemCodes>().SelectMany(p => p.Codes)
            .Select(code => $"{code}:{Problems.StatusOf(code)}");
        var codes = own.Append("request.not_acceptable:406").Concat(rule.Least > Role.Anonymous ? Everywhere : [])
            .Concat(operation.RequestBody is not null ? WithBody : []).Concat(method == "PATCH" ? ["version.mismatch:412"] : [])
            .Concat(method == "POST" && rule.Least > Role.Anonymous ? Posted : []);
        foreach (var group in codes.Distinct()
            .GroupBy(code => code[(code.LastIndexOf(':') + 1)..], code => $"`{code[..code.LastIndexOf(':')]}`").OrderBy(g => g.Key))
        {
            operation.Responses ??= [];
            operation.Responses[group.Key] = new OpenApiResponse
            {
                Description = string.Join(", ", group),
                Content = new Dictionary<string, OpenApiMediaType> { ["application/problem+json"] =
                    new() { Schema = new OpenApiSchemaReference("Problem", context.Document) } },
            };
        }
    }

    private static OpenApiParameter Header(string name, string description) =>
        new() { Name = name, In = ParameterLocation.Header, Description = description,
            Schema = new OpenApiSchema { Type = JsonSchemaType.String } };

    private static OpenApiSchema ProblemSchema() => new()
    {
        Type = JsonSchemaType.Object,
        Description = "RFC 9457.",
        Required = new HashSet<string> { "type", "title", "status", "detail", "code", "trace_id" },
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["type"] = new OpenApiSchema { Type = JsonSchemaType.String },
            ["title"] = new OpenApiSchema { Type = JsonSchemaType.String },
            ["status"] = new OpenApiSchema { Type = JsonSchemaType.Integer },
            ["detail"] = new OpenApiSchema { Type = JsonSchemaType.String },
            ["code"] = new OpenApiSchema { Type = JsonSchemaType.String, Examples = [JsonValue.Create("account.unknown")] },
            ["errors"] =
            new OpenApiSchema { Type = JsonSchemaType.Object, Description = "Field → messages.",
                AdditionalProperties =
                new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.String } } },
            ["trace_id"] = new OpenApiSchema { Type = JsonSchemaType.String },
            ["challenge"] = new OpenApiSchema
            {
                Type = JsonSchemaType.String, Description = "Of auth.second_factor_required: for POST /v1/auth/login/second-factor.",
            },
        },
    };
}
