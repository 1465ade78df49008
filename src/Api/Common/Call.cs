using AutoMapper;
using Bsp.Application.Common;
using MediatR;

namespace Bsp.Api.Common;

/// <summary>
/// One request as an endpoint needs it: who asks, the way to the handlers, and the forms of the answer. A parameter of this type in an
/// endpoint is filled in.
/// </summary>
public sealed class Call(HttpContext context)
{
    public HttpContext Context => context;

    /// <summary>Who asks; nobody in particular where a route is open to all.</summary>
    public Caller Caller { get; } = Caller.Of(context);

    /// <summary>Whom the caller acts for; all zeros: nobody, or the platform without <c>Bsp-Organization</c>.</summary>
    public Guid OrganizationId => Caller.OrganizationId;

    /// <summary>The client went away.</summary>
    public CancellationToken Aborted => context.RequestAborted;

    /// <summary>Has a command or a query carried out.</summary>
    public Task<TAnswer> Send<TAnswer>(IRequest<TAnswer> request) => Mediator.Send(request, Aborted);

    /// <summary>A row as the contract shows it; null stays null.</summary>
    public T Map<T>(object? row) => Mapper.Map<T>(row);

    /// <inheritdoc cref="Answers.Ok{T}"/>
    public IResult Ok<T>(T body, long? version = null) => Answers.Ok(context, body, version);

    /// <inheritdoc cref="Answers.Created{T}"/>
    public IResult Created<T>(string location, T body, long? version = null) => Answers.Created(context, location, body, version);

    /// <inheritdoc cref="Answers.Page{T}"/>
    public IResult Page<T>(Page<T> page) => Answers.Page(context, page);

    /// <inheritdoc cref="Answers.Page{TView, TResponse}"/>
    public IResult Page<TView, TResponse>(Page<TView> page) => Answers.Page<TView, TResponse>(context, Mapper, page);

    public static ValueTask<Call?> BindAsync(HttpContext context) => ValueTask.FromResult<Call?>(new(context));

    /// <summary>For what goes on asking after the endpoint has answered: streams.</summary>
    public IMediator Mediator => context.RequestServices.GetRequiredService<IMediator>();

    private IMapper Mapper => context.RequestServices.GetRequiredService<IMapper>();
}
